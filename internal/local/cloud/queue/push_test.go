package queue

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPushBodyIsTheOneOfTheService(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 5, 7, 740_000_000, time.UTC)
	letter := deadLetter(&Message{
		Data: []byte(`{"v":1}`), Attributes: map[string]string{"kind": "contact"}, OrderingKey: "hubspot/contact/1", PublishTime: at,
	}, "p", "s", 5)
	letter.ID, letter.PublishTime = "8", at.Add(time.Minute)
	tests := []struct {
		name    string
		message Message
		attempt int
	}{
		{"full", Message{
			ID: "7", Data: []byte(`{"v":1}`), Attributes: map[string]string{"kind": "contact", "a": "<&>é"},
			OrderingKey: "hubspot/contact/1", PublishTime: at,
		}, 3},
		{"without key, attributes and attempt", Message{ID: "7", Data: []byte{0, 255}, PublishTime: at.Truncate(time.Second)}, 0},
		{"without data", Message{ID: "7", Attributes: map[string]string{"a": ""}, PublishTime: at}, 0},
		{"dead letter", *letter, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := encodePush(&tt.message, "projects/p/subscriptions/s", tt.attempt)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", filepath.Base(t.Name())+".json")
			if *update {
				if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}
