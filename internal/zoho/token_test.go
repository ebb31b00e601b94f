package zoho

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	const secret = "1000.very-secret"
	token := Token{AccessToken: secret, APIDomain: "https://www.zohoapis.eu", Expiry: time.Unix(1, 0)}
	for name, v := range map[string]any{
		"token": token, "pointer": &token, "state": TokenState{Token: token},
		"notification": Notification{Token: secret}, "channel": Channel{Token: secret},
		"tokens config": TokenServiceConfig{ClientSecret: secret, RefreshToken: secret}, "verifier config": VerifierConfig{Tokens: []string{secret}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				fmt.Fprintf(&out, verb, v)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
			if data, err := json.Marshal(v); err == nil {
				out.Write(data)
			}
			if s := out.String(); strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
				t.Errorf("the secret shows in %s", s)
			}
			if out.Len() == 0 {
				t.Error("nothing was printed")
			}
		})
	}
}
