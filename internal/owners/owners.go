// Package owners lists the users who may own a record in one CRM. It replaces the ids
// in records by e-mail addresses, and back, since the address of a person is the one
// thing that both CRMs have.
//
// A Directory reads the list of users when it is first needed and keeps it for
// a while, so that a record with an owner costs no call more than one without.
package owners

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

const (
	// maxAge is how long a list is used. A user who is deactivated meanwhile
	// is refused by the CRM itself.
	maxAge = 10 * time.Minute
	// minAge is the age from which a list is read anew for an owner that
	// it lacks.
	minAge = time.Minute
)

// Directory is the list of owners of one CRM. It is safe for concurrent use.
type Directory struct {
	list func(context.Context) ([]crm.Owner, error)
	now  func() time.Time

	reading chan struct{} // held while the list is read
	mu      sync.Mutex
	known   ownerList
}

// ownerList is a list as it was read at a time.
type ownerList struct {
	at     time.Time
	emails map[string]string // by id, of the inactive too
	ids    map[string]string // of the active, by address in lower case
}

// New returns a Directory that reads the owners by list.
func New(list func(context.Context) ([]crm.Owner, error), now func() time.Time) *Directory {
	return &Directory{list: list, now: now, reading: make(chan struct{}, 1)}
}

// ReplaceIDs replaces the ids in the named fields of rec, and in their histories, by
// e-mail addresses. An id that no owner has any longer stays.
func (d *Directory) ReplaceIDs(ctx context.Context, rec crm.Record, fields []string) (crm.Record, error) {
	if !hasValues(rec, fields) {
		return rec, nil
	}
	rec.Fields, rec.History = maps.Clone(rec.Fields), maps.Clone(rec.History)
	for _, name := range fields {
		if id := rec.Fields[name]; id != "" {
			email, err := d.findEmail(ctx, id)
			if err != nil {
				return rec, err
			}
			rec.Fields[name] = email
		}
		edits := slices.Clone(rec.History[name])
		for i := range edits {
			email, err := d.findEmail(ctx, edits[i].Value)
			if err != nil {
				return rec, err
			}
			edits[i].Value = email
		}
		if edits != nil {
			rec.History[name] = edits
		}
	}
	return rec, nil
}

func hasValues(rec crm.Record, fields []string) bool {
	return slices.ContainsFunc(fields, func(name string) bool {
		return rec.Fields[name] != "" || len(rec.History[name]) > 0
	})
}

// ReplaceAddresses replaces the e-mail addresses in w by ids. It returns the fields
// whose owner has no active account and no stand-in with one; those fields stay.
func (d *Directory) ReplaceAddresses(ctx context.Context, w crm.Write) (crm.Write, []crm.FieldError, error) {
	var unknown []crm.FieldError
	fields := w.Fields
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		v := w.Fields[name]
		if v.Type != crm.OwnedBy || v.Text == "" || isID(v.Text) {
			continue
		}
		id, err := d.findID(ctx, v.Text)
		if err == nil && id == "" && v.Otherwise != "" {
			id, err = d.findID(ctx, v.Otherwise)
		}
		switch {
		case err != nil:
			return w, nil, err
		case id == "":
			unknown = append(unknown, crm.FieldError{Field: name, Code: string(failurecode.OwnerUnknown)})
			continue
		}
		if fields = maps.Clone(fields); fields != nil {
			v.Text = id
			fields[name] = v
		}
		w.Fields = fields
	}
	return w, unknown, nil
}

func isID(s string) bool { return strings.Trim(s, "0123456789") == "" }

// findEmail returns the address of an owner, or the id itself if no owner has it.
func (d *Directory) findEmail(ctx context.Context, id string) (string, error) {
	if id == "" || !isID(id) {
		return id, nil
	}
	k, err := d.readList(ctx, func(k ownerList) bool { return k.emails[id] != "" })
	if email := k.emails[id]; email != "" {
		return email, nil
	}
	return id, err
}

// findID returns the id of an active owner, "" if there is none.
func (d *Directory) findID(ctx context.Context, email string) (string, error) {
	email = strings.ToLower(email)
	k, err := d.readList(ctx, func(k ownerList) bool { return k.ids[email] != "" })
	return k.ids[email], err
}

// readList returns a list that answers, or one that is no older than patience.
func (d *Directory) readList(ctx context.Context, answers func(ownerList) bool) (ownerList, error) {
	if k := d.cachedList(); d.isUsable(k, answers) {
		return k, nil
	}
	select {
	case d.reading <- struct{}{}:
		defer func() { <-d.reading }()
	case <-ctx.Done():
		return ownerList{}, fmt.Errorf("wait for the list of owners: %w", ctx.Err())
	}
	if k := d.cachedList(); d.isUsable(k, answers) {
		return k, nil
	}
	at := d.now()
	list, err := d.list(ctx)
	if err != nil {
		return ownerList{}, err
	}
	k := ownerList{at: at, emails: map[string]string{}, ids: map[string]string{}}
	for _, o := range list {
		if o.ID == "" || o.Email == "" {
			continue
		}
		k.emails[o.ID] = o.Email
		if o.Active {
			k.ids[strings.ToLower(o.Email)] = o.ID
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = k
	return k, nil
}

func (d *Directory) cachedList() ownerList {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

func (d *Directory) isUsable(k ownerList, answers func(ownerList) bool) bool {
	age := d.now().Sub(k.at)
	return k.emails != nil && (age < minAge || age < maxAge && answers(k))
}
