package zoho

import "testing"

func TestAPIDomainMustBelongToZoho(t *testing.T) {
	const real, sim = "https://accounts.zoho.eu", "http://127.0.0.1:9000"
	tests := []struct {
		name, domain, accounts string
		ok                     bool
	}{
		{"the European data centre", "https://www.zohoapis.eu", real, true},
		{"the American data centre", "https://www.zohoapis.com", real, true},
		{"the Australian data centre", "https://www.zohoapis.com.au", real, true},
		{"the Chinese data centre", "https://www.zohoapis.com.cn", real, true},
		{"upper case", "https://WWW.ZohoAPIs.eu", real, true},
		{"a trailing slash", "https://www.zohoapis.eu/", real, true},
		{"a sandbox", "https://sandbox.zohoapis.in", real, true},
		{"a developer environment", "https://developer.zohoapis.ca", real, true},
		{"the real API beside a simulated accounts server", "https://www.zohoapis.eu", sim, true},
		{"two simulators", "http://127.0.0.1:9001", sim, true},
		{"two simulators by name", "http://localhost:9001", "http://localhost:9000", true},
		{"two simulators over IPv6", "http://[::1]:9001", sim, true},
		{"a simulator beside the real accounts server", "http://127.0.0.1:9001", real, false},
		{"a simulator beside no accounts server", "http://127.0.0.1:9001", "", false},
		{"another host beside a simulator", "http://10.0.0.1", sim, false},
		{"the metadata server beside a simulator", "http://169.254.169.254", sim, false},
		{"plain http", "http://www.zohoapis.eu", real, false},
		{"another host", "https://evil.example", real, false},
		{"a host that ends like Zoho's", "https://evilwww.zohoapis.eu", real, false},
		{"a host that begins like Zoho's", "https://www.zohoapis.eu.evil.example", real, false},
		{"an unknown data centre", "https://www.zohoapis.evil", real, false},
		{"a host behind a user", "https://www.zohoapis.eu@evil.example", real, false},
		{"a path", "https://www.zohoapis.eu/x", real, false},
		{"a query", "https://www.zohoapis.eu?x", real, false},
		{"a fragment", "https://www.zohoapis.eu#x", real, false},
		{"another port", "https://www.zohoapis.eu:8443", real, false},
		{"no scheme", "www.zohoapis.eu", real, false},
		{"nothing", "", real, false},
		{"a control character", "https://www.zohoapis.eu\n", real, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := CheckAPIDomain(tt.domain, tt.accounts); (err == nil) != tt.ok {
				t.Errorf("CheckAPIDomain(%q, %q) = %v, want ok %t", tt.domain, tt.accounts, err, tt.ok)
			}
		})
	}
}

func TestAccountsServerMustBelongToZoho(t *testing.T) {
	tests := map[string]bool{
		"https://accounts.zoho.com":     true,
		"https://accounts.zohocloud.ca": true,
		"http://127.0.0.1:9000":         true,
		"http://accounts.zoho.com":      false,
		"https://accounts.zoho.ca":      false,
		"https://accounts.example":      false,
		"http://example.com":            false,
		"":                              false,
	}
	for url, ok := range tests {
		if err := CheckAccountsURL(url); (err == nil) != ok {
			t.Errorf("CheckAccountsURL(%q) = %v, want ok %t", url, err, ok)
		}
	}
}
