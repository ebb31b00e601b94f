package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

func linkScanContract(t *testing.T, host string) {
	l := store.NewLinks(newDatabase(t, host))
	stored := map[string]syncer.Link{}
	for i := range 5 {
		link := syncer.Link{ID: fmt.Sprint("link-", i), Kind: crm.Contact, Fields: map[string]merge.Base{}}
		link.HubSpot.RecordID, link.Zoho.RecordID = fmt.Sprint(10+i), fmt.Sprint(20+i)
		if i == 4 {
			link.Kind = crm.Company
		}
		saved, err := l.SaveLink(t.Context(), link)
		if err != nil {
			t.Fatal(err)
		}
		stored[link.ID] = saved
	}
	var listed []syncer.Link
	for behind := ""; ; {
		page, last, err := l.ListLinks(t.Context(), crm.Contact, behind, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		listed, behind = append(listed, page...), last
	}
	want := []syncer.Link{stored["link-0"], stored["link-1"], stored["link-2"], stored["link-3"]}
	slices.SortFunc(listed, func(a, b syncer.Link) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for kind, want := range map[crm.Kind]int{crm.Contact: 4, crm.Company: 1} {
		if n, err := l.CountLinks(t.Context(), kind); err != nil || n != want {
			t.Errorf("%d links of kind %s, %v, want %d", n, kind, err, want)
		}
	}
	one := crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "21"}
	none := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "21"}
	links, err := l.LinksOf(t.Context(), []crm.Ref{none, one})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[crm.Ref]syncer.Link{one: stored["link-1"]}, links); diff != "" {
		t.Errorf("links of records (-want +got):\n%s", diff)
	}
	if n, err := l.CountLinked(t.Context(), []crm.Ref{none, one}); err != nil || n != 1 {
		t.Errorf("%d are linked, %v, want 1", n, err)
	}
}
