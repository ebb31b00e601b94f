package simulate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// errStore is what Firestore's and Pub/Sub's clients make of a service that is
// down, or of an answer that was lost.
var errStore = status.Error(codes.Unavailable, "the service is unavailable")

// links keeps links as Firestore does: a compare and set on each, with claims.
type links struct {
	world  *world
	kept   map[string]syncer.Link
	claims map[crm.Ref]string
	saves  int
	wiped  bool
	// paired is for each record of HubSpot the last one of Zoho that a link held
	// it to, links that are gone included.
	paired map[crm.Ref]crm.Ref
}

// storeIsDown reports whether nothing of the store answers.
func (w *world) storeIsDown() bool { return w.now < w.storeOutage && !w.healed }

func newLinks(w *world) *links {
	return &links{world: w, kept: map[string]syncer.Link{}, claims: map[crm.Ref]string{}, paired: map[crm.Ref]crm.Ref{}}
}

// wipe loses everything, as a restored backup of long ago does.
func (l *links) wipe() {
	l.wiped = true
	for _, t := range l.world.tasks {
		t.unheld = true
	}
	clear(l.kept)
	clear(l.claims)
	clear(l.paired)
}

func (l *links) begin(ctx context.Context, label string, faults ...fault) (fault, error) {
	if err := l.world.seam(ctx, label); err != nil {
		return noFault, err
	}
	if l.world.storeIsDown() {
		return noFault, errStore
	}
	f := l.world.draw(append(faults, storeDown, noFault)...)
	if f == storeDown {
		return f, errStore
	}
	return f, nil
}

// FindLink implements syncer.Links.
func (l *links) FindLink(ctx context.Context, ref crm.Ref) (syncer.Link, bool, error) {
	if _, err := l.begin(ctx, "find link"); err != nil {
		return syncer.Link{}, false, err
	}
	link, ok := l.kept[l.claims[ref]]
	return copyLink(link), ok, nil
}

// SaveLink implements syncer.Links.
func (l *links) SaveLink(ctx context.Context, link syncer.Link) (syncer.Link, error) {
	return l.store(ctx, link, nil)
}

// ReplaceLink implements syncer.Links.
func (l *links) ReplaceLink(ctx context.Context, link, over syncer.Link) (syncer.Link, error) {
	return l.store(ctx, link, &over)
}

func (l *links) store(ctx context.Context, link syncer.Link, over *syncer.Link) (syncer.Link, error) {
	f, err := l.begin(ctx, "save link", storeAborted, storeLost, storeRepeated)
	if err != nil {
		return link, err
	}
	if f == storeAborted {
		return link, syncer.ErrChanged
	}
	isNew := link.Version == ""
	saved, err := l.save(link, over)
	switch {
	case err != nil:
		l.world.happened("refused: "+err.Error(), l.world.running.name)
		return link, err
	case f == storeLost:
		return link, errStore
	case f == storeRepeated && isNew:
		return link, syncer.ErrClaimed // the client's own second attempt meets the first
	case f == storeRepeated:
		return link, syncer.ErrChanged
	}
	return saved, nil
}

// save drops over, unless it is nil, and stores link, or does neither.
func (l *links) save(link syncer.Link, over *syncer.Link) (syncer.Link, error) {
	if l.kept[link.ID].Version != link.Version || over != nil && l.kept[over.ID].Version != over.Version {
		return link, syncer.ErrChanged
	}
	var want []crm.Ref
	for _, s := range crm.Systems {
		r := link.Ref(s)
		if r.RecordID == "" {
			continue
		}
		if owner := l.claims[r]; owner != "" && owner != link.ID && (over == nil || owner != over.ID) {
			return link, syncer.ErrClaimed
		}
		want = append(want, r)
	}
	for _, r := range l.kept[link.ID].Claimed {
		delete(l.claims, r)
	}
	if over != nil {
		l.drop(*over)
	}
	for _, r := range want {
		l.claims[r] = link.ID
	}
	l.saves++
	link = copyLink(link)
	link.Claimed, link.Version = want, strconv.Itoa(l.saves)
	l.kept[link.ID] = link
	if link.HubSpot.RecordID != "" && link.Zoho.RecordID != "" {
		l.paired[link.Ref(crm.HubSpot)] = link.Ref(crm.Zoho)
	}
	l.world.trackLink(link)
	return copyLink(link), nil
}

// DropLink implements syncer.Links.
func (l *links) DropLink(ctx context.Context, link syncer.Link) error {
	f, err := l.begin(ctx, "drop link", storeAborted, storeLost)
	if err != nil {
		return err
	}
	if f == storeAborted || l.kept[link.ID].Version != link.Version {
		return syncer.ErrChanged
	}
	l.drop(link)
	if f == storeLost {
		return errStore
	}
	return nil
}

func (l *links) drop(link syncer.Link) {
	for _, r := range l.kept[link.ID].Claimed {
		delete(l.claims, r)
	}
	delete(l.kept, link.ID)
}

func copyLink(l syncer.Link) syncer.Link {
	l.Fields = maps.Clone(l.Fields)
	l.Claimed, l.Decisions = slices.Clone(l.Claimed), slices.Clone(l.Decisions)
	return l
}

// trackLink writes what a link decided to the trace.
func (w *world) trackLink(l syncer.Link) {
	if !w.options.Trace {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		if b := l.Fields[name]; w.options.Field == name {
			w.say("link %s (hubspot %s, zoho %s, lease %q): %s = %s", l.ID, l.HubSpot.RecordID, l.Zoho.RecordID,
				l.Lease.Holder, name, fmt.Sprintf("%+v", b))
		}
	}
	if w.options.Field == "" {
		w.say("link %s saved: hubspot %s, zoho %s, gone %q, lease %q", l.ID, l.HubSpot.RecordID, l.Zoho.RecordID, l.DeletedOn, l.Lease.Holder)
	}
}
