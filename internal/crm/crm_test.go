package crm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseRefReadsWhatStringWrites(t *testing.T) {
	for _, system := range Systems {
		for _, kind := range Kinds {
			rapid.Check(t, func(t *rapid.T) {
				want := Ref{system, kind, rapid.StringMatching(`[0-9]{1,64}`).Draw(t, "id")}
				got, err := ParseRef(want.String())
				if err != nil {
					t.Fatalf("%s: %v", want, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestTheFormOfARefIsPartOfStoredNames(t *testing.T) {
	ref := Ref{System: Zoho, Kind: Company, RecordID: "5725767000000524001"}
	if got, want := ref.String(), "zoho/company/5725767000000524001"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARefThatNamesNoRecordIsRefused(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":               {"", "want system/kind/id"},
		"a part too few":        {"hubspot/contact", "want system/kind/id"},
		"a part too many":       {"hubspot/contact/1/2", "want system/kind/id"},
		"an unknown system":     {"salesforce/contact/1", `unknown system "salesforce"`},
		"a system in capitals":  {"HubSpot/contact/1", `unknown system "HubSpot"`},
		"an unknown kind":       {"zoho/deal/1", `unknown kind "deal"`},
		"a vendor's own word":   {"zoho/Contacts/1", `unknown kind "Contacts"`},
		"no id":                 {"zoho/contact/", "is not a number"},
		"letters in the id":     {"zoho/contact/12a", "is not a number"},
		"a letter within":       {"zoho/contact/1a2", "is not a number"},
		"a sign":                {"zoho/contact/-1", "is not a number"},
		"a space":               {"zoho/contact/1 ", "is not a number"},
		"digits of no CRM":      {"zoho/contact/١٢٣", "is not a number"},
		"a way out of the path": {"zoho/contact/..", "is not a number"},
		"an endless id":         {"zoho/contact/" + strings.Repeat("1", maxIDLength+1), "at most 64 digits"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseRef(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestARefusedIDIsNotRepeated(t *testing.T) {
	const address = "ada@example.com"
	err := Ref{System: HubSpot, Kind: Contact, RecordID: address}.Validate()
	if err == nil || strings.Contains(err.Error(), address) {
		t.Errorf("got %v, want an error without the id", err)
	}
}

func TestTheOtherOfTheOtherIsTheSame(t *testing.T) {
	for _, s := range Systems {
		if s.Other() == s || s.Other().Other() != s {
			t.Errorf("the other of %s is %s, whose other is %s", s, s.Other(), s.Other().Other())
		}
		if err := s.Other().Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryListedNameIsValidAndNoOther(t *testing.T) {
	for _, s := range Systems {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, k := range Kinds {
		if err := k.Validate(); err != nil {
			t.Error(err)
		}
	}
	if System("").Validate() == nil || Kind("").Validate() == nil {
		t.Error("an empty name is valid")
	}
}
