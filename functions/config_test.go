package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// environment stands for that of the process.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// with returns a copy in which one variable is another.
func (e environment) with(name, value string) environment {
	e = maps.Clone(e)
	e[name] = value
	return e
}

// complete is an environment in which nothing is missing and nothing answers.
func complete() environment {
	e := environment{"PUBSUB_EMULATOR_HOST": "127.0.0.1:1", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
	for _, s := range settings {
		switch {
		case !s.isRequired():
		case strings.HasSuffix(s.name, "_URL"):
			e[s.name] = "http://127.0.0.1:1/" + s.name
		case s.name == "HUBSPOT_APP_ID":
			e[s.name] = "39522895"
		case strings.HasPrefix(s.name, "FAILURE_MAIL"):
			e[s.name] = "somebody@example.com"
		default:
			e[s.name] = "planted-" + strings.ToLower(strings.ReplaceAll(s.name, "_", "-"))
		}
	}
	return e
}

// texts is a configuration of the variables that it names, as they are.
type texts struct {
	names []string
	got   map[string]string
}

func (c *texts) bindVariables(r *reader) {
	c.got = map[string]string{}
	for _, name := range c.names {
		r.bindVariables(name, func(text string) error { c.got[name] = text; return nil })
	}
}

// readTexts reads variables as they are.
func readTexts(ctx context.Context, getenv func(string) string, access gcp.SecretAccess, names ...string) (map[string]string, error) {
	c := &texts{names: names}
	err := variables{getenv, access}.readVariable(ctx, c)
	return c.got, err
}

// noSecrets is for configurations that name no secret.
func noSecrets(_ context.Context, name string) ([]byte, error) {
	return nil, errors.New("nobody should ask for " + name)
}

func TestEverythingThatIsMissingIsReportedAtOnceWithItsRemedy(t *testing.T) {
	for what, empty := range map[string]func(string) string{
		"an empty environment":        func(string) string { return "" },
		"an environment of spaces":    func(string) string { return " \t\n" },
		"variables that are not ours": environment{"PATH": "/bin"}.get,
	} {
		t.Run(what, func(t *testing.T) {
			c, err := readTexts(t.Context(), empty, noSecrets, EnvironmentNames()...)
			if err == nil {
				t.Fatalf("got %v, want an error", c)
			}
			lines := strings.Split(strings.TrimPrefix(err.Error(), "configuration: "), "\n")
			var want []string
			for _, s := range settings {
				if s.isRequired() {
					want = append(want, s.name+" is missing: set it to "+s.remedy)
				}
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAVariableIsMissingOnlyWhereItIsAskedFor(t *testing.T) {
	var read []string
	getenv := func(name string) string { read = append(read, name); return "value" }
	c, err := readTexts(t.Context(), getenv, noSecrets, "ZOHO_CLIENT_ID", "GOOGLE_CLOUD_PROJECT")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"ZOHO_CLIENT_ID": "value", "GOOGLE_CLOUD_PROJECT": "value"}, c); diff != "" {
		t.Error(diff)
	}
	if slices.Sort(read); !slices.Equal(read, []string{"GOOGLE_CLOUD_PROJECT", "ZOHO_CLIENT_ID"}) {
		t.Errorf("read %v", read)
	}
}

func TestAVariableThatIsEmptyHasItsFallback(t *testing.T) {
	c, err := readTexts(t.Context(), complete().get, noSecrets, EnvironmentNames()...)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"FIRESTORE_DATABASE": "(default)", "HUBSPOT_API_URL": "https://api.hubapi.com", "HUBSPOT_API_VERSION": "2026-09",
		"HUBSPOT_SIGNATURE_VERSIONS": "v3", "ZOHO_ACCOUNTS_URL": "https://accounts.zoho.com", "SENDGRID_URL": "https://api.sendgrid.com",
		"HUBSPOT_PAGES_URL": "https://app.hubspot.com", "CALL_BATCHING": "on", "FAILURE_MAIL_HEARTBEAT": "off", "CRM_QUOTA_SHARE": "1", "CONSOLE_ACCESS": "iam",
	}
	for name, v := range want {
		if c[name] != v {
			t.Errorf("%s is %q, want %q", name, c[name], v)
		}
		other := map[string]string{
			"CALL_BATCHING": "off", "FAILURE_MAIL_HEARTBEAT": "on", "CRM_QUOTA_SHARE": "0.25", "HUBSPOT_API_VERSION": "2026-03", "HUBSPOT_SIGNATURE_VERSIONS": "v3,v1", "CONSOLE_ACCESS": "local",
		}[name]
		if other == "" {
			other = "https://set.example.com"
		}
		set, err := readTexts(t.Context(), environment{name: " " + other + "\n"}.get, noSecrets, name)
		if err != nil || set[name] != other {
			t.Errorf("%s, when set, is %q: %v", name, set[name], err)
		}
	}
}

func TestAWrongVariableIsReportedWithoutItsValue(t *testing.T) {
	const planted = "planted-value"
	tests := map[string]struct{ name, value, want string }{
		"a URL without a scheme":        {"ZOHO_TOKEN_URL", planted + ".example.com", "is not an absolute http or https URL: set it to the URL of GetZohoToken"},
		"a URL of another scheme":       {"ZOHO_WEBHOOK_URL", "ftp://" + planted, "is not an absolute http or https URL: set it to the public URL of ZohoWebhook"},
		"a URL without a host":          {"HUBSPOT_WEBHOOK_URL", "https:///" + planted, "is not an absolute http or https URL: set it to the public URL of HubSpotWebhook, exactly as the app's targetUrl"},
		"a URL that does not parse":     {"HUBSPOT_API_URL", "https://" + planted + "\x7f", "is not an absolute http or https URL: set it to https://api.hubapi.com"},
		"a data centre that is no URL":  {"ZOHO_ACCOUNTS_URL", planted, "is not an absolute http or https URL: set it to Zoho's accounts server in your data centre, such as https://accounts.zoho.eu"},
		"a mail service that is no URL": {"SENDGRID_URL", planted, "is not an absolute http or https URL: set it to https://api.sendgrid.com, or https://api.eu.sendgrid.com for an account in the EU"},
		"a collector that is no URL":    {"OTEL_EXPORTER_OTLP_ENDPOINT", planted, "is not an absolute http or https URL: set it to https://telemetry.googleapis.com, or http://host:4317 of a collector"},
		"a version of old":              {"HUBSPOT_API_VERSION", planted, "is not of the form YYYY-MM: set it to the version in the paths of HubSpot's API, such as 2026-09"},
		"a token with a line break":     {"HUBSPOT_ACCESS_TOKEN", planted + "\n" + planted, "holds a space, a line break, a quotation mark or a character outside of ASCII: set it to the access token of the HubSpot app"},
		"a key in quotation marks":      {"SENDGRID_API_KEY", `"` + planted + `"`, "holds a space, a line break, a quotation mark or a character outside of ASCII: set it to the API key of the SendGrid account"},
		"an app id in words":            {"HUBSPOT_APP_ID", planted, "is not a number: set it to the app's id, which marks the connector's own writes"},
		"an account by its name":        {"HUBSPOT_PORTAL_ID", planted, "is not a number: set it to the id of the HubSpot account, the number in the addresses of its pages"},
		"a page in place of a host":     {"HUBSPOT_PAGES_URL", "https://app.hubspot.com/contacts/" + planted, "is not the http or https address of a host alone: set it to where people sign in to HubSpot, such as https://app-eu1.hubspot.com, without a path"},
		"a signature that is none":      {"HUBSPOT_SIGNATURE_VERSIONS", "v3, " + planted, "names a version that is none of v1, v2 and v3: set it to v3, or for an old app v1 or v2, separated by commas"},
		"a token too long for Zoho":     {"ZOHO_WEBHOOK_TOKEN", "short," + strings.Repeat(planted, 4), "has more than the 50 characters that Zoho repeats: set it to the token of the notification channel; two separated by a comma while it is rotated"},
		"a sender that is none":         {"FAILURE_MAIL_FROM", planted, "is not an e-mail address: set it to the verified sender of the failure mail"},
		"a recipient that is none":      {"FAILURE_MAIL_TO", "a@example.com, " + planted, "has something else than an e-mail address in place 2: set it to who receives the failure mail, separated by commas"},
		"a key that is too short":       {"HASH_KEY", planted, "has fewer than 16 characters: set it to a random key of at least 16 characters"},
		"a heartbeat of another kind":   {"FAILURE_MAIL_HEARTBEAT", planted, "is neither on nor off: set it to on to receive a mail once a week when nothing failed, or off"},
		"a switch that is none":         {"CALL_BATCHING", planted, "is neither on nor off: set it to on, or off to give each operation calls of its own"},
		"a share that is none":          {"CRM_QUOTA_SHARE", planted, "is not a number above 0 and up to 1: set it to the part of the CRMs' quotas for one instance, such as 0.25"},
		"a guard that is none":          {"CONSOLE_ACCESS", planted, "is none of iam, local and an audience that begins with /projects/: set it to iam, or the audience of Identity-Aware Proxy, such as /projects/123/locations/europe-west1/services/console"},
	}
	for _, s := range settings {
		if s.remedy == "" {
			t.Errorf("%s: nothing says what to set it to", s.name)
		}
		if s.check != nil && !slices.ContainsFunc(slices.Collect(maps.Values(tests)), func(tt struct{ name, value, want string }) bool { return tt.name == s.name }) {
			t.Errorf("no case gives a wrong %s", s.name)
		}
	}
	wrong := complete()
	for name, tt := range tests {
		wrong = wrong.with(tt.name, tt.value)
		t.Run(name, func(t *testing.T) {
			c, err := readTexts(t.Context(), complete().with(tt.name, tt.value).get, noSecrets, EnvironmentNames()...)
			if err == nil {
				t.Fatalf("got %v, want an error", c)
			}
			if got, want := err.Error(), "configuration: "+tt.name+" "+tt.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	_, err := readTexts(t.Context(), wrong.with("ZOHO_CLIENT_ID", "").get, noSecrets, EnvironmentNames()...)
	if err == nil {
		t.Fatal("all of it is accepted")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(tests)+1 {
		t.Errorf("%d problems are told at once, want %d:\n%v", got, len(tests)+1, err)
	}
	if strings.Contains(err.Error(), planted) {
		t.Errorf("a value is told: %v", err)
	}
}

func TestAReferenceToASecretIsResolved(t *testing.T) {
	const reference = "projects/p/secrets/zoho/versions/3"
	var asked []string
	access := func(_ context.Context, name string) ([]byte, error) {
		asked = append(asked, name)
		return []byte("the-secret\n"), nil
	}
	c, err := readTexts(t.Context(), complete().with("ZOHO_CLIENT_SECRET", reference).get, access, "ZOHO_CLIENT_SECRET", "ZOHO_CLIENT_ID")
	if err != nil {
		t.Fatal(err)
	}
	if c["ZOHO_CLIENT_SECRET"] != "the-secret" || c["ZOHO_CLIENT_ID"] != "planted-zoho-client-id" {
		t.Errorf("got %q and %q", c["ZOHO_CLIENT_SECRET"], c["ZOHO_CLIENT_ID"])
	}
	if !slices.Equal(asked, []string{reference}) {
		t.Errorf("asked for %v", asked)
	}
}

func TestASecretIsCheckedLikeAnyValue(t *testing.T) {
	short := func(context.Context, string) ([]byte, error) { return []byte("too short"), nil }
	_, err := readTexts(t.Context(), environment{"HASH_KEY": "projects/p/secrets/hash-key/versions/latest"}.get, short, "HASH_KEY")
	if err == nil || err.Error() != "configuration: HASH_KEY has fewer than 16 characters: set it to a random key of at least 16 characters" {
		t.Errorf("got %v", err)
	}
}

func TestASecretThatCannotBeReadIsNamed(t *testing.T) {
	const reference = "projects/p/secrets/zoho/versions/3"
	e := environment{"ZOHO_CLIENT_SECRET": reference, "ZOHO_CLIENT_ID": "planted-value"}
	denied := errors.New("permission denied")
	tests := map[string]struct {
		payload string
		err     error
		want    string
	}{
		"one that is denied": {"planted-value", denied, "ZOHO_CLIENT_SECRET: secret " + reference + ": permission denied"},
		"one that is empty":  {"\n", nil, "ZOHO_CLIENT_SECRET: secret " + reference + ": is empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			access := func(context.Context, string) ([]byte, error) { return []byte(tt.payload), tt.err }
			_, err := readTexts(t.Context(), e.get, access, "ZOHO_CLIENT_SECRET", "ZOHO_CLIENT_ID")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "planted-value") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("%v is not found in %v", tt.err, err)
			}
		})
	}
}

// configurations are those of every function, and of the command line.
func configurations() map[string]configuration {
	return map[string]configuration{
		"consumers": &consumerConfig{}, "Console": &consoleConfig{}, "Reconcile": &reconcileConfig{}, "RenewZohoChannels": &channelsConfig{},
		"HubSpotWebhook": &hubspotWebhookConfig{}, "ZohoWebhook": &zohoWebhookConfig{}, "token functions": &tokensConfig{},
		"SendFailureDigest": &digestConfig{}, "DeadLetter": &firestoreConfig{}, "telemetry": &telemetryConfig{},
		"command line": &syncerConfig{Zoho: zohoConfig{direct: true}}, "check": &checkConfig{}, "setup": &projectConfig{webhooks: true},
	}
}

// Whatever is printed of a configuration holds none of its values: some of them
// are secrets, others addresses.
func TestAConfigurationPrintsNoValue(t *testing.T) {
	for name, c := range configurations() {
		if err := (variables{complete().get, noSecrets}).readVariable(t.Context(), c); err != nil {
			t.Fatal(name, err)
		}
		var log bytes.Buffer
		value := reflect.ValueOf(c).Elem().Interface()
		logTo(&log).Info("set up", "config", value, "pointer", c)
		text, err := json.Marshal(value)
		for what, printed := range map[string]string{
			"%v": fmt.Sprintf("%v", value), "%+v": fmt.Sprintf("%+v", value), "%#v": fmt.Sprintf("%#v", value), "%s": fmt.Sprintf("%s", value),
			"%q": fmt.Sprintf("%q", c), "%d": fmt.Sprintf("%d", value), "a log": log.String(), "JSON": string(text),
		} {
			if strings.Contains(printed, "planted") || strings.Contains(printed, "@") || strings.Contains(printed, "39522895") || err != nil {
				t.Errorf("%s of %s prints %s (%v)", what, name, printed, err)
			}
		}
	}
}

// A configuration that leaves a field empty where all variables are set would be
// read as if it were not.
func TestEveryFieldOfAConfigurationIsFilled(t *testing.T) {
	e := complete()
	for name, value := range map[string]string{
		"CALL_BATCHING": "on", "FAILURE_MAIL_HEARTBEAT": "on", "CRM_QUOTA_SHARE": "0.5", "HUBSPOT_PORTAL_ID": "4711", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
	} {
		e[name] = value
	}
	for name, c := range configurations() {
		if err := (variables{e.get, noSecrets}).readVariable(t.Context(), c); err != nil {
			t.Fatal(name, err)
		}
		for _, empty := range emptyFields(reflect.ValueOf(c).Elem(), name) {
			if !strings.HasSuffix(empty, ".Zoho.TokenURL") && !strings.Contains(empty, ".Zoho.Tokens.") {
				t.Errorf("%s is empty", empty)
			}
		}
	}
}

// emptyFields names the exported fields that have no value.
func emptyFields(v reflect.Value, path string) (empty []string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch at := path + "." + field.Name; {
		case !field.IsExported():
		case field.Type.Kind() == reflect.Struct:
			empty = append(empty, emptyFields(v.Field(i), at)...)
		case v.Field(i).IsZero():
			empty = append(empty, at)
		}
	}
	return empty
}

func TestAShareTravelsAsTheNumberThatItIs(t *testing.T) {
	var c syncerConfig
	if err := (variables{complete().with("CRM_QUOTA_SHARE", "0.1").get, noSecrets}).readVariable(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	d := &deps{quotaShare: 0.7}
	if c.HubSpot.Share != 0.1 || c.Zoho.Share != 0.1 || d.limitShare(c.HubSpot.Share) != 0.1*d.quotaShare || (&deps{}).limitShare(0.1) != 0.1 {
		t.Errorf("shares %v and %v, of which a part is %v", c.HubSpot.Share, c.Zoho.Share, d.limitShare(c.HubSpot.Share))
	}
}

func TestAListIsSplitAtCommas(t *testing.T) {
	for value, want := range map[string][]string{
		"": nil, " , ,": nil, "one": {"one"}, "old, new": {"old", "new"}, ",a,,b ,": {"a", "b"},
	} {
		if diff := cmp.Diff(want, splitList(value)); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
}

// A name that is not in the table would be read as empty, silently.
func TestEveryVariableThatAFunctionNamesIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)
	known, found := EnvironmentNames(), 0
	for _, file := range files {
		if file == "settings.go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			if name, err := strconv.Unquote(literal.Value); err == nil && variable.MatchString(name) {
				if found++; !slices.Contains(known, name) {
					t.Errorf("%s names %s, which is not among the settings", file, name)
				}
			}
			return true
		})
	}
	if found == 0 {
		t.Error("no name was found: the test looks at nothing")
	}
}
