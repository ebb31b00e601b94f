// Package owners knows who may own a record in one CRM, and turns the ids that
// its records hold into e-mail addresses and back: of a person, the address is
// the one thing that both CRMs have.
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
	// fresh is how long a list is relied on. A user who is deactivated meanwhile
	// is refused by the CRM itself.
	fresh = 10 * time.Minute
	// patience is how old a list must be before it is read anew for somebody
	// whom it does not have.
	patience = time.Minute
)

// Directory is the list of owners of one CRM. It is safe for concurrent use.
type Directory struct {
	list func(context.Context) ([]crm.Owner, error)
	now  func() time.Time

	turn  chan struct{} // held by the one who reads the list
	mu    sync.Mutex
	known known
}

// known is a list as it was read at a time.
type known struct {
	at     time.Time
	emails map[string]string // by id, of the inactive too
	ids    map[string]string // of the active, by address in lower case
}

// New returns a Directory that reads the owners by list.
func New(list func(context.Context) ([]crm.Owner, error), now func() time.Time) *Directory {
	return &Directory{list: list, now: now, turn: make(chan struct{}, 1)}
}

// Name puts addresses in the place of the ids in the named fields of rec and in
// their histories. An id that nobody bears any more stays.
func (d *Directory) Name(ctx context.Context, rec crm.Record, fields []string) (crm.Record, error) {
	if !concerned(rec, fields) {
		return rec, nil
	}
	rec.Fields, rec.History = maps.Clone(rec.Fields), maps.Clone(rec.History)
	for _, name := range fields {
		if id := rec.Fields[name]; id != "" {
			email, err := d.email(ctx, id)
			if err != nil {
				return rec, err
			}
			rec.Fields[name] = email
		}
		edits := slices.Clone(rec.History[name])
		for i := range edits {
			email, err := d.email(ctx, edits[i].Value)
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

func concerned(rec crm.Record, fields []string) bool {
	return slices.ContainsFunc(fields, func(name string) bool {
		return rec.Fields[name] != "" || len(rec.History[name]) > 0
	})
}

// Assign puts ids in the place of the addresses in w. It lists the fields whose
// owner has no active account and no stand-in that has one; those stay.
func (d *Directory) Assign(ctx context.Context, w crm.Write) (crm.Write, []crm.FieldError, error) {
	var unknown []crm.FieldError
	fields := w.Fields
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		v := w.Fields[name]
		if v.Type != crm.OwnedBy || v.Text == "" || isID(v.Text) {
			continue
		}
		id, err := d.id(ctx, v.Text)
		if err == nil && id == "" && v.Otherwise != "" {
			id, err = d.id(ctx, v.Otherwise)
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

// email returns the address of an owner, or the id itself if nobody has it.
func (d *Directory) email(ctx context.Context, id string) (string, error) {
	if id == "" || !isID(id) {
		return id, nil
	}
	k, err := d.read(ctx, func(k known) bool { return k.emails[id] != "" })
	if email := k.emails[id]; email != "" {
		return email, nil
	}
	return id, err
}

// id returns the id of an active owner, "" if there is none.
func (d *Directory) id(ctx context.Context, email string) (string, error) {
	email = strings.ToLower(email)
	k, err := d.read(ctx, func(k known) bool { return k.ids[email] != "" })
	return k.ids[email], err
}

// read returns a list that answers, or one that is no older than patience.
func (d *Directory) read(ctx context.Context, answers func(known) bool) (known, error) {
	if k := d.current(); d.suffices(k, answers) {
		return k, nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return known{}, fmt.Errorf("wait for the list of owners: %w", ctx.Err())
	}
	if k := d.current(); d.suffices(k, answers) {
		return k, nil
	}
	at := d.now()
	list, err := d.list(ctx)
	if err != nil {
		return known{}, err
	}
	k := known{at: at, emails: map[string]string{}, ids: map[string]string{}}
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

func (d *Directory) current() known {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

func (d *Directory) suffices(k known, answers func(known) bool) bool {
	age := d.now().Sub(k.at)
	return k.emails != nil && (age < patience || age < fresh && answers(k))
}
