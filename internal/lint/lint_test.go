package lint_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/lint"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

var update = flag.Bool("update", false, "write the golden files")

// consent gives the simulated Zoho's access token.
type consent struct{ url string }

func (c consent) Token(ctx context.Context, _ string) (zoho.Token, error) {
	form := url.Values{"refresh_token": {zohosim.DefaultRefreshToken}, "client_id": {zohosim.DefaultClientID},
		"client_secret": {zohosim.DefaultClientSecret}, "grant_type": {"refresh_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/oauth/v2/token?"+form.Encode(), nil)
	if err != nil {
		return zoho.Token{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return zoho.Token{}, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = errors.Join(json.NewDecoder(resp.Body).Decode(&answer), resp.Body.Close())
	return zoho.Token{AccessToken: answer.AccessToken, APIDomain: c.url}, err
}

// schemas are what both simulators say of themselves over HTTP, to the clients
// that the connector uses. Extra properties are created in HubSpot first.
func schemas(t *testing.T, extra []string, zc zohosim.Config) (hs, zo crm.Schema) {
	t.Helper()
	h, z := hubspotsim.New(hubspotsim.Config{}), zohosim.New(zc)
	hubspotServer, zohoServer := httptest.NewServer(h), httptest.NewServer(z)
	t.Cleanup(func() {
		hubspotServer.Close()
		zohoServer.Close()
		h.Close()
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, property := range extra {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hubspotServer.URL+"/crm/properties/2026-09/contacts", strings.NewReader(property))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+hubspotsim.DefaultAccessToken)
		req.Header.Set("Content-Type", "application/json")
		resp, err := hubspotServer.Client().Do(req)
		if err != nil || resp.StatusCode != http.StatusCreated || resp.Body.Close() != nil {
			t.Fatalf("create property: %v %v", resp, err)
		}
	}
	hc, err1 := hubspot.New(hubspot.Config{URL: hubspotServer.URL, Token: hubspotsim.DefaultAccessToken,
		AppID: strconv.Itoa(hubspotsim.DefaultAppID), HTTP: hubspotServer.Client()})
	zoc, err2 := zoho.New(zoho.Config{Tokens: consent{zohoServer.URL}, HTTP: zohoServer.Client(), AccountsURL: zohoServer.URL})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	hs, err1 = hc.ReadSchema(t.Context())
	zo, err2 = zoc.ReadSchema(t.Context())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return hs, zo
}

func golden(t *testing.T, name string, findings []lint.Finding) {
	t.Helper()
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String() + "\n")
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func parse(t *testing.T, file string) *mapping.Mapping {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheBuiltInMappingFitsBothCRMs(t *testing.T) {
	hs, zo := schemas(t, nil, zohosim.Config{})
	findings := lint.Check(mapping.Default(), hs, zo)
	if lint.Failed(findings) {
		t.Error("the built-in mapping has errors")
	}
	golden(t, "default.txt", findings)
}

func TestEveryMistakeInAMappingIsFoundWithItsRemedy(t *testing.T) {
	hs, zo := schemas(t, []string{
		`{"groupName":"contactinformation","name":"interests","label":"Interests","type":"enumeration","fieldType":"checkbox",
		  "options":[{"value":"golf","label":"Golf"},{"value":"chess","label":"Chess"}]}`,
		`{"groupName":"contactinformation","name":"vip","label":"VIP","type":"bool","fieldType":"booleancheckbox"}`,
		`{"groupName":"contactinformation","name":"renewed_at","label":"Renewed at","type":"datetime","fieldType":"date"}`,
	}, zohosim.Config{ExtraFields: map[string][]zohosim.Field{
		zohosim.Contacts: {
			{APIName: "Interests", Type: zohosim.TypeMultiSelect, Options: []string{"Golf", "Chess", "Sailing"}},
			{APIName: "Tax_Number", Mandatory: true},
			{APIName: "Branch", Mandatory: true},
			{APIName: "Date_of_Birth_2", Type: zohosim.TypeDate},
		},
	}})
	findings := lint.Check(parse(t, "broken.yaml"), hs, zo)
	golden(t, "broken.txt", findings)
	for _, f := range findings {
		if f.Message == "" || f.Remedy == "" || f.Code == "" {
			t.Errorf("%+v is not complete", f)
		}
	}
}

func TestMissingAndUnfitIDFieldsAreErrors(t *testing.T) {
	hs, zo := schemas(t, nil, zohosim.Config{})
	hs.CounterpartField = "no_such"
	counterpart := zo.Fields[crm.Company]["HubSpot_ID"]
	counterpart.Unique = false
	zo.Fields[crm.Company]["HubSpot_ID"] = counterpart
	counterpart.Unique, counterpart.Length = true, 10
	zo.Fields[crm.Contact]["HubSpot_ID"] = counterpart
	var got []string
	for _, f := range lint.Check(mapping.Default(), hs, zo) {
		if f.Severity == lint.Error {
			got = append(got, string(f.Kind)+" "+string(f.Side)+" "+f.Code)
		}
	}
	want := []string{"contact hubspot no_counterpart_field", "contact zoho counterpart_field_too_short", "company hubspot no_counterpart_field", "company zoho counterpart_field_not_unique"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestAnAccountWithoutAccessIsOneFinding(t *testing.T) {
	_, zo := schemas(t, nil, zohosim.Config{})
	findings := lint.Check(mapping.Default(), crm.Schema{System: crm.HubSpot}, zo)
	var codes []string
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	if diff := cmp.Diff([]string{"no_such_object", "no_such_object"}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

func TestTheSameInputGivesTheSameFindings(t *testing.T) {
	hs, zo := schemas(t, nil, zohosim.Config{})
	first := lint.Check(mapping.Default(), hs, zo)
	for range 5 {
		if !slices.Equal(first, lint.Check(mapping.Default(), hs, zo)) {
			t.Fatal("another order")
		}
	}
}
