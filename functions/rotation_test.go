package functions

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

// vault is a Secret Manager with one secret.
type vault struct {
	payload string
	err     error
	asked   int
}

func (v *vault) access(context.Context, string) ([]byte, error) {
	v.asked++
	return []byte(v.payload), v.err
}

const vaulted = "projects/p/secrets/s/versions/latest"

// rotating is a function that was set up with the secret in a vault and answers
// what it is told to.
func rotating(t *testing.T, v *vault, log *bytes.Buffer) (serve func(status int), set func() []string) {
	t.Helper()
	d := &deps{getenv: environment{"HASH_KEY": vaulted}.get, logger: logTo(log), secretAccess: v.access}
	var keys []string
	status := http.StatusOK
	f := &lazy{name: "F", deps: d, build: func(ctx context.Context, d *deps) (http.Handler, error) {
		c := &texts{names: []string{"HASH_KEY"}}
		if err := d.readConfig(ctx, c); err != nil {
			return nil, err
		}
		keys = append(keys, c.got["HASH_KEY"])
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }), nil
	}}
	return func(s int) { status = s; ask(t, f, http.MethodPost) }, func() []string { return keys }
}

const oldKey, newKey = "the key of last year", "the key of this year"

func TestASecretThatWasRotatedIsPickedUpAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &vault{payload: oldKey}, &bytes.Buffer{}
		serve, set := rotating(t, v, log)
		serve(http.StatusOK)
		v.payload = newKey
		serve(http.StatusOK)
		if got := set(); len(got) != 1 {
			t.Fatalf("set up %d times without a refusal", len(got))
		}
		serve(http.StatusUnauthorized)
		serve(http.StatusOK)
		if got := set(); len(got) != 2 || got[1] != newKey {
			t.Errorf("set up with %q", got)
		}
		if !strings.Contains(log.String(), logschema.SecretsChanged) || strings.Contains(log.String(), "the key of") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestARefusalThatIsNotOurSecretsFaultSetsNothingUpAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &vault{payload: oldKey}, &bytes.Buffer{}
		serve, set := rotating(t, v, log)
		for range 5 {
			serve(http.StatusUnauthorized)
		}
		if len(set()) != 1 || v.asked != 2 {
			t.Errorf("set up %d times, secrets read %d times, want 1 and, within a minute, 2", len(set()), v.asked)
		}
		time.Sleep(rereadEvery)
		serve(http.StatusBadGateway)
		if v.asked != 3 {
			t.Errorf("secrets read %d times after a minute, want 3", v.asked)
		}
	})
}

func TestASecretManagerThatIsAwayKeepsAFunctionAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &vault{payload: oldKey}, &bytes.Buffer{}
		serve, set := rotating(t, v, log)
		serve(http.StatusOK)
		v.err = errors.New("away")
		serve(http.StatusUnauthorized)
		serve(http.StatusOK)
		if len(set()) != 1 || !strings.Contains(log.String(), "secrets not read again") {
			t.Errorf("set up %d times, log: %s", len(set()), log)
		}
	})
}

func TestAServiceThatRefusesOurCredentialsIsNoticed(t *testing.T) {
	for status, want := range map[int]bool{http.StatusOK: false, http.StatusForbidden: false, http.StatusUnauthorized: true} {
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		defer service.Close()
		d := &deps{getenv: environment{}.get, logger: logTo(&bytes.Buffer{})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := d.newHTTPClient(t.Context(), "crm").Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := d.rotation.refused.Load(); got != want {
			t.Errorf("status %d: noticed %t, want %t", status, got, want)
		}
	}
}
