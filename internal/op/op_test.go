package op

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

var update = flag.Bool("update", false, "write the golden files of the current version anew")

// sample is an operation with every field set.
func sample(c Change) Operation {
	return Operation{
		Version: Version, ID: "0193a5b2-1111-7222-8333-444455556666",
		Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "508369434347"}, Change: c,
		OccurredAt: time.Date(2026, 11, 23, 9, 59, 59, 536e6, time.UTC),
		ReceivedAt: time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC),
		Events:     3, ReplayOf: "0193a5b2-0000-7222-8333-444455556666",
	}
}

// golden names the file of a change as a version wrote it. Messages of every
// version wait in topics and among the failures, so the files of a version that
// was released never change; a new version gets files of its own.
func golden(version int, c Change) string {
	return filepath.Join("testdata", fmt.Sprintf("v%d", version), string(c)+".json")
}

func TestEveryChangeIsWrittenAsItsGoldenFile(t *testing.T) {
	for c := range changes {
		t.Run(string(c), func(t *testing.T) {
			got, err := Encode(sample(c))
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, append(got, '\n'), "", "  "); err != nil {
				t.Fatal(err)
			}
			file := golden(Version, c)
			if *update {
				if err := os.WriteFile(file, pretty.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (to write it: go test ./internal/op -update)", err)
			}
			if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryVersionIsStillRead(t *testing.T) {
	for version := 1; version <= Version; version++ {
		files, err := filepath.Glob(golden(version, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no golden file of version %d: %v", version, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := sample(Change(strings.TrimSuffix(filepath.Base(file), ".json")))
			want.Version = version
			got, err := Decode(data)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", file, diff)
			}
		}
	}
}

const least = `{"version":1,"id":"a","ref":{"system":"zoho","kind":"company","record_id":"7"},"change":"updated","received_at":"2026-11-23T10:00:00Z"}`

func TestTheLeastThatIsAnOperation(t *testing.T) {
	got, err := Decode([]byte(least))
	if err != nil {
		t.Fatal(err)
	}
	want := Operation{
		Version: 1, ID: "a", Ref: crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: "7"}, Change: Updated,
		ReceivedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	want, err := Decode([]byte(least))
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(least, `"ref":{`, `"of_tomorrow":{"a":[1,null]},"ref":{"portal":5,`, 1)
	got, err := Decode([]byte(more))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownVersionIsRecognised(t *testing.T) {
	tests := map[string]string{
		"a newer one":                     strings.Replace(least, `"version":1`, `"version":2`, 1),
		"a newer one of another shape":    `{"version":2,"ref":"zoho/company/7","received_at":"yesterday","events":{}}`,
		"a newer one, named at the end":   `{"received_at":"yesterday","version":2}`,
		"one without a version":           `{"id":"a"}`,
		"a version before the first":      `{"version":0}`,
		"a version that is less than any": `{"version":-1}`,
		"nothing at all":                  `null`,
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode([]byte(data)); !errors.Is(err, ErrUnknownVersion) {
				t.Errorf("got %v, want %v", err, ErrUnknownVersion)
			}
		})
	}
}

func TestEverythingThatIsMissingIsReportedAtOnce(t *testing.T) {
	_, decoding := Decode([]byte(`{"version":1,"events":-1}`))
	_, encoding := Encode(Operation{Events: -1})
	for doing, err := range map[string]error{"decode": decoding, "encode": encoding} {
		if err == nil || errors.Is(err, ErrUnknownVersion) {
			t.Fatalf("%s: got %v, want what is missing", doing, err)
		}
		for _, want := range []string{doing + " operation: ", "id is empty", "ref: unknown system", `change "" is unknown`, "received_at is missing", "events is negative"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: does not tell %q", err, want)
			}
		}
	}
}

func TestWhatIsNoOperationIsRefusedWithoutQuotingIt(t *testing.T) {
	const planted = "planted@example.com"
	personal := strings.Replace(least, `"id":"a"`, `"id":"`+planted+`"`, 1)
	tests := map[string]struct{ data, want string }{
		"nothing":              {"", "not JSON at byte 0"},
		"no JSON":              {planted, "not JSON at byte 1"},
		"a list":               {`["` + planted + `"]`, "has the wrong type"},
		"a text":               {`"` + planted + `"`, "has the wrong type"},
		"a version in words":   {`{"version":"` + planted + `"}`, "field version has the wrong type"},
		"a ref that is none":   {`{"version":1,"ref":"` + planted + `"}`, "field ref has the wrong type"},
		"events in words":      {`{"version":1,"events":"` + planted + `"}`, "field events has the wrong type"},
		"a time that is none":  {`{"version":1,"received_at":"` + planted + `"}`, "a value cannot be read"},
		"two operations":       {personal + personal, "not JSON at byte"},
		"an id of letters":     {strings.Replace(least, `"7"`, `"`+planted+`"`, 1), "record id of zoho/company is not a number"},
		"a time past JSON's":   {strings.Replace(least, "2026-11-23T10:00:00Z", "9999-12-31T23:59:59-01:00", 1), "outside the years"},
		"an event past JSON's": {strings.Replace(least, `"id"`, `"occurred_at":"9999-12-31T23:59:59-01:00","id"`, 1), "outside the years"},
		"a time before JSON":   {strings.Replace(least, "2026-11-23T10:00:00Z", "0000-01-01T00:00:00+01:00", 1), "outside the years"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { refused(t, tt.data, tt.want, planted) })
	}
	for end := range len(personal) {
		refused(t, personal[:end], "not JSON at byte", planted)
	}
}

func refused(t *testing.T, data, want, planted string) {
	t.Helper()
	_, err := Decode([]byte(data))
	switch {
	case err == nil || !strings.Contains(err.Error(), want):
		t.Errorf("%.40q: got %v, want %q", data, err, want)
	case errors.Is(err, ErrUnknownVersion):
		t.Errorf("%.40q: taken for a newer version", data)
	case strings.Contains(err.Error(), planted):
		t.Errorf("the error quotes the message: %v", err)
	}
}

// anyOperation draws what Encode accepts.
func anyOperation() *rapid.Generator[Operation] {
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-840, 840).Draw(t, "minutes east"))
		seconds := rapid.Int64Range(0, 250_000_000_000).Draw(t, "seconds")
		return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
	})
	return rapid.Custom(func(t *rapid.T) Operation {
		return Operation{
			ID: rapid.StringN(1, 40, -1).Draw(t, "id"),
			Ref: crm.Ref{
				System:   rapid.SampledFrom(crm.Systems[:]).Draw(t, "system"),
				Kind:     rapid.SampledFrom(crm.Kinds[:]).Draw(t, "kind"),
				RecordID: rapid.StringMatching(`[0-9]{1,19}`).Draw(t, "record"),
			},
			Change: rapid.SampledFrom([]Change{Created, Updated, Deleted, Erased, Merged, Restored, Associated, Reconciled, Requested}).
				Draw(t, "change"),
			OccurredAt: instant.Draw(t, "occurred"),
			ReceivedAt: instant.Draw(t, "received"),
			Events:     rapid.IntMin(0).Draw(t, "events"),
			ReplayOf:   rapid.String().Draw(t, "replay"),
		}
	})
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyOperation().Draw(t, "operation")
		data, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want.Version = Version
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got.OccurredAt.Location() != time.UTC || got.ReceivedAt.Location() != time.UTC {
			t.Error("a time is not in UTC")
		}
	})
}

func TestOneRecordHasOneOrderingKeyWhateverHappensToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyOperation().Draw(t, "a"), anyOperation().Draw(t, "b")
		if same := a.Ref == b.Ref; (a.OrderingKey() == b.OrderingKey()) != same {
			t.Errorf("%s and %s", a.OrderingKey(), b.OrderingKey())
		}
		b.Ref = a.Ref
		if a.OrderingKey() != b.OrderingKey() {
			t.Errorf("%s and %s for one record", a.OrderingKey(), b.OrderingKey())
		}
	})
}

func TestTheAttributesNameKeyOperationAndChange(t *testing.T) {
	want := map[string]string{
		"ordering_key": "hubspot/contact/508369434347",
		"operation_id": "0193a5b2-1111-7222-8333-444455556666",
		"change":       "merged",
	}
	if diff := cmp.Diff(want, sample(Merged).Attributes()); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(least[:len(least)/2]))
	for c := range changes {
		if data, err := Encode(sample(c)); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(first)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		second, err := Decode(again)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
	})
}
