package terraformtest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func variables(t *testing.T) map[string]Variable {
	t.Helper()
	all, err := Variables(filepath.Join(root, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func texts(all ...string) cty.Value {
	list := cty.ListValEmpty(cty.String)
	for _, s := range all {
		list = cty.ListVal(append(list.AsValueSlice(), cty.StringVal(s)))
	}
	return list
}

func text1(s string) cty.Value { return cty.StringVal(s) }

// wrong are values that people give, for every variable that refuses some.
var wrong = map[string][]cty.Value{
	"project":                     {text1("My Company"), text1("123456789012"), text1("crm"), text1("Acme-crm")},
	"region":                      {text1("europe-west1-b"), text1("eu"), text1("")},
	"prefix":                      {text1("dev"), text1("a-long-prefix"), text1("connectors2"), text1("Staging"), text1("1stage")},
	"hubspot_app_id":              {text1("app-1"), text1("")},
	"hubspot_portal_id":           {text1("acme"), text1("48975575/contacts"), text1("app.hubspot.com/contacts/48975575")},
	"hubspot_pages_url":           {text1("app.hubspot.com"), text1("https://app.hubspot.com/"), text1("https://app.hubspot.com.example.com")},
	"hubspot_api_version":         {text1("v3"), text1("2026-04"), text1("2026-9")},
	"hubspot_signature_versions":  {texts(), texts("v4"), texts("v3", "")},
	"zoho_accounts_url":           {text1("https://accounts.zoho.eu/"), text1("accounts.zoho.eu"), text1("https://accounts.zoho.example"), text1("https://www.zohoapis.eu")},
	"zoho_client_id":              {text1("secret"), text1("1000.abc"), text1("")},
	"sendgrid_url":                {text1("http://api.sendgrid.com"), text1("https://sendgrid.com"), text1("https://api.sendgrid.com/")},
	"failure_mail_from":           {text1("nobody"), text1("a@example.com, b@example.com"), text1("")},
	"failure_mail_to":             {texts(), texts("nobody"), texts("a@example.com,b@example.com")},
	"mapping_yaml":                {text1(strings.Repeat("x", 24_001))},
	"console_people":              {texts("ada@example.com"), texts("allUsers"), texts("domain:example.com")},
	"time_zone":                   {text1("CET"), text1("UTC+1"), text1("")},
	"consumer_instances":          {cty.NumberIntVal(0), cty.NumberIntVal(21), cty.NumberFloatVal(1.5)},
	"alert_emails":                {texts("nobody"), texts("a@example.com,b@example.com")},
	"playbooks_url":               {text1("http://example.com/playbooks"), text1("https://example.com/playbooks/")},
	"billing_account":             {text1("billing"), text1("012345-6789AB-cdef01")},
	"monthly_budget":              {cty.NumberIntVal(0), cty.NumberFloatVal(99.5)},
	"webhook_domain":              {text1("https://hooks.example.com"), text1("hooks.example.com/path"), text1("localhost")},
	"webhook_requests_per_minute": {cty.NumberIntVal(599)},
}

func TestWrongVariablesAreRefused(t *testing.T) {
	all := variables(t)
	var refusing []string
	for name, v := range all {
		if v.Message != "" {
			refusing = append(refusing, name)
		}
		if v.Message != "" && v.Default != cty.NilVal {
			if ok, err := v.Accepts(v.Default); err != nil || !ok {
				t.Errorf("%s refuses its default: %v", name, err)
			}
		}
	}
	slices.Sort(refusing)
	if diff := cmp.Diff(refusing, slices.Sorted(maps.Keys(wrong))); diff != "" {
		t.Fatalf("variables with a validation (-terraform +this table):\n%s", diff)
	}
	for name, values := range wrong {
		for _, value := range values {
			if ok, err := all[name].Accepts(value); err != nil || ok {
				t.Errorf("%s = %#v is accepted: %v", name, value, err)
			}
		}
	}
}

var example = regexp.MustCompile(`such as ("?)([^\s"]*[^\s".,;:])`)

// TestWhoIsRefusedReadsWhatToGive: the variable, what it is, and an example that
// is accepted.
func TestWhoIsRefusedReadsWhatToGive(t *testing.T) {
	for name, v := range variables(t) {
		if v.Description == "" || !strings.HasSuffix(v.Description, ".") {
			t.Errorf("%s: the description is no sentence: %q", name, v.Description)
		}
		if v.Message == "" {
			continue
		}
		if !strings.HasPrefix(v.Message, name+" ") || !strings.HasSuffix(v.Message, ".") {
			t.Errorf("%s: the message is no sentence that begins with the variable: %q", name, v.Message)
		}
		if name == "mapping_yaml" { // of its length alone
			continue
		}
		found := example.FindStringSubmatch(v.Message)
		if found == nil {
			t.Errorf("%s: the message holds no example, \"such as ...\": %q", name, v.Message)
			continue
		}
		value := cty.StringVal(found[2])
		if v.Type.IsListType() {
			value = texts(found[2])
		}
		if ok, err := v.Accepts(value); err != nil || !ok {
			t.Errorf("%s refuses its own example %q: %v", name, found[2], err)
		}
	}
}

// TestTerraformItselfRefusesThem: the runs of terraform's own tests name each.
func TestTerraformItselfRefusesThem(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "terraform/tests/*.tftest.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range regexp.MustCompile(`(?s)expect_failures = \[(.*?)\]`).FindAllStringSubmatch(string(data), -1) {
			for _, name := range regexp.MustCompile(`var\.(\w+)`).FindAllStringSubmatch(list[1], -1) {
				expected[name[1]] = true
			}
		}
	}
	for name := range wrong {
		if !expected[name] {
			t.Errorf("no run of terraform/tests expects that %s is refused", name)
		}
	}
}
