package dryrun

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// links keeps links in memory, over those that are stored.
type links struct {
	beneath syncer.LinkStore

	mu      sync.Mutex
	saved   map[string]syncer.Link // by id
	owner   map[crm.Ref]string     // the link that a record belongs to, "" for none any more
	version int
}

const versionPrefix = "dry-run-"

func newLinks(beneath syncer.LinkStore) *links {
	return &links{beneath: beneath, saved: map[string]syncer.Link{}, owner: map[crm.Ref]string{}}
}

// FindLink prefers what this dry run saved.
func (l *links) FindLink(ctx context.Context, ref crm.Ref) (syncer.Link, bool, error) {
	if link, found, known := l.look(ref); known {
		return link, found, nil
	}
	link, found, err := l.beneath.FindLink(ctx, ref)
	if err != nil || !found {
		return link, found, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if newer, changed := l.saved[link.ID]; changed {
		return newer, newer.Ref(ref.System) == ref, nil
	}
	return link, true, nil
}

func (l *links) look(ref crm.Ref) (syncer.Link, bool, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, known := l.owner[ref]
	link, found := l.saved[id]
	return link, found, known
}

// SaveLink keeps the contract of the store.
func (l *links) SaveLink(ctx context.Context, link syncer.Link) (syncer.Link, error) {
	for _, s := range crm.Systems {
		ref := link.Ref(s)
		if ref.RecordID == "" {
			continue
		}
		if other, found, err := l.FindLink(ctx, ref); err != nil {
			return link, err
		} else if found && other.ID != link.ID {
			return link, syncer.ErrClaimed
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.current(link) {
		return link, syncer.ErrChanged
	}
	for _, s := range crm.Systems {
		ref := link.Ref(s)
		if id, known := l.owner[ref]; ref.RecordID != "" && known && id != "" && id != link.ID {
			return link, syncer.ErrClaimed
		}
	}
	for _, ref := range link.Claimed {
		l.owner[ref] = ""
	}
	link.Claimed = nil
	for _, s := range crm.Systems {
		if ref := link.Ref(s); ref.RecordID != "" {
			l.owner[ref] = link.ID
			link.Claimed = append(link.Claimed, ref)
		}
	}
	l.version++
	link.Version = versionPrefix + strconv.Itoa(l.version)
	l.saved[link.ID] = link
	return link, nil
}

// ReplaceLink drops over first: nothing can come between, and nothing is kept of
// a dry run that breaks off.
func (l *links) ReplaceLink(ctx context.Context, link, over syncer.Link) (syncer.Link, error) {
	if err := l.DropLink(ctx, over); err != nil {
		return link, err
	}
	return l.SaveLink(ctx, link)
}

// current reports whether a link is as it was read. The caller holds the lock.
func (l *links) current(link syncer.Link) bool {
	if known, saved := l.saved[link.ID]; saved {
		return known.Version == link.Version
	}
	return !strings.HasPrefix(link.Version, versionPrefix)
}

// DropLink forgets a link for this dry run.
func (l *links) DropLink(_ context.Context, link syncer.Link) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.current(link) {
		return syncer.ErrChanged
	}
	for _, ref := range link.Claimed {
		l.owner[ref] = ""
	}
	delete(l.saved, link.ID)
	return nil
}
