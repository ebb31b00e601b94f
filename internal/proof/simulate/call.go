package simulate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// landing is a write that a CRM carries out after its caller has given up.
type landing struct {
	at   int64
	do   func()
	what string
}

func (m *model) err(action string, kind crm.ErrorKind, code string, fields ...crm.FieldError) *crm.Error {
	return &crm.Error{System: m.system, Action: action, Kind: kind, Code: code, Fields: fields}
}

// begin is the start of every call: it comes back to the scheduler and then
// draws what goes wrong. An error is the answer of a call that did nothing.
func (m *model) begin(ctx context.Context, action string, faults ...fault) (fault, error) {
	if err := m.world.seam(ctx, string(m.system)+" "+action); err != nil {
		e := m.err(action, crm.Unavailable, "")
		e.Err = err
		return noFault, e
	}
	if m.world.now < m.until && !m.world.healed {
		return m.failing, m.refusal(action, m.failing)
	}
	f := m.world.draw(append(faults, rateLimited, down, unauthed)...)
	return f, m.refusal(action, f)
}

// refusal is the answer that a fault makes of a call, nil if the call is
// carried out.
func (m *model) refusal(action string, f fault) error {
	switch f {
	case rateLimited:
		e := m.err(action, crm.RateLimited, "429")
		e.RetryAfter = time.Duration(m.world.between(1, 10)) * time.Second
		return e
	case usedUp:
		e := m.err(action, crm.RateLimited, "DAILY_LIMIT")
		e.RetryAfter = time.Duration(m.until-m.world.now) * time.Millisecond
		return e
	case down:
		return m.err(action, crm.Unavailable, "503")
	case unauthed:
		return m.err(action, crm.Unauthorized, "NO_TOKEN")
	case locked, recordLocked:
		return m.err(action, crm.Locked, "RECORD_LOCKED")
	case unreadable:
		return m.err(action, crm.Refused, "UNKNOWN_SHAPE")
	case odd:
		return errOdd
	case explosive:
		panic(planted)
	}
	return nil
}

// errOdd is an error that no rule describes.
var errOdd = errors.New("an unknown error")

// fail makes every call meet f until a time.
func (m *model) fail(f fault, until int64) { m.failing, m.until = f, until }

// troubles is what the trouble of one record makes of a call, if it is one of
// those.
func (m *model) troubles(action string, r *record, by ...fault) error {
	if r == nil || m.world.healed || m.world.now > r.troubled || !slices.Contains(by, r.trouble) {
		return nil
	}
	m.world.happened("trouble: "+string(r.trouble), r.ref.String())
	return m.refusal(action, r.trouble)
}

// draw returns a fault out of those that the seed has, or none.
func (w *world) draw(faults ...fault) fault {
	if w.healed || !w.chance(w.plan.rate) {
		return noFault
	}
	f := faults[w.rng.IntN(len(faults))]
	if f == noFault || !w.plan.has[f] {
		return noFault
	}
	w.struck(f)
	return f
}

func (w *world) struck(f fault) {
	w.faults[string(f)]++
	name := "world"
	if w.running != nil {
		name = w.running.name
	}
	w.happened("fault: "+string(f), name)
}

// staleness bounds how old an answer by id may be.
const staleness = 5 * second

// Read implements syncer.CRM. The call leaves some time after it was asked for.
func (m *model) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	asked := m.world.now
	f, err := m.begin(ctx, "read", staleRead)
	if err != nil {
		return crm.Record{}, err
	}
	left := asked + m.world.order.Int64N(m.world.now-asked+1)
	r := m.byRef[ref]
	if r == nil {
		return crm.Record{}, m.err("read", crm.NotFound, "")
	}
	r = r.survivor()
	if err := m.troubles("read", r, unreadable, odd, explosive); err != nil {
		return crm.Record{}, err
	}
	v := r.last()
	if f == staleRead {
		if old := r.at(m.world.now - m.world.between(0, staleness)); old != nil {
			v = old
		}
	}
	if v.deleted {
		return crm.Record{}, m.err("read", crm.NotFound, "")
	}
	rec := m.show(r, v, m.system == crm.HubSpot)
	rec.AsOf = time.UnixMilli(left).UTC()
	return rec, nil
}

// WithHistory implements syncer.CRM. Zoho's timeline is of now, which may be
// later than the record that it is put beside.
func (m *model) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	if _, err := m.begin(ctx, "history"); err != nil {
		return rec, err
	}
	r := m.byRef[rec.Ref]
	if r == nil || !r.alive() {
		return rec, m.err("history", crm.NotFound, "")
	}
	rec.History = m.historyOf(r, m.world.seq)
	return rec, nil
}

// Find implements syncer.CRM. Unique values are found at once, others with the
// lag of the index.
func (m *model) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	f, err := m.begin(ctx, "find", staleSearch)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.Value == "" {
			continue
		}
		var found []crm.Record
		for _, r := range m.records {
			if r.ref.Kind == kind && m.finds(r, k, f == staleSearch) {
				found = append(found, m.show(r, r.last(), m.system == crm.HubSpot))
			}
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

func (m *model) finds(r *record, k crm.Key, late bool) bool {
	if !r.alive() {
		return false
	}
	v := r.last()
	if k.Field == "" {
		return v.counterpart == k.Value
	}
	if m.system == crm.Zoho && late {
		if v = r.at(m.world.now - r.lag); v == nil || !strings.EqualFold(r.last().fields[k.Field], k.Value) {
			return false
		}
	}
	return strings.EqualFold(v.fields[k.Field], k.Value)
}

// Create implements syncer.CRM.
func (m *model) Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	var made *record
	_, err := m.write(ctx, "create", func() error {
		if m.system == crm.HubSpot {
			m.world.violate("a %s was created in HubSpot", kind)
		}
		if err := m.accept("create", kind, nil, w); err != nil {
			return err
		}
		made = m.make(kind, connector)
		made.late, made.madeFor = m.world.running == nil, w.CounterpartID // late: its caller has given up
		m.change(made, texts(w), w.CounterpartID, connector)
		m.countCreated(made)
		m.world.announce(made, hookCreated)
		return nil
	})
	if err != nil {
		return crm.Written{}, err
	}
	return crm.Written{Ref: made.ref, Modified: made.last().modified}, nil
}

// countCreated judges what the connector has created: nothing that a person
// deleted, nor a second counterpart of what a merge has joined.
func (m *model) countCreated(made *record) {
	of := crm.Ref{System: m.system.Other(), Kind: made.ref.Kind, RecordID: made.madeFor}
	m.created[of]++
	if made.late {
		return // it was asked for before
	}
	if r := m.byRef[m.world.links.paired[of]]; r != nil && r.last().deleted {
		m.world.violate("%s was deleted by a person, and %s was made in its place", r.ref, made.ref)
	}
	hubspot := m.world.crms[crm.HubSpot]
	source := hubspot.byRef[of]
	if source == nil || !source.ofMerge {
		return // what was merged into it may have been so a moment ago
	}
	for _, r := range m.records {
		named := hubspot.on(r.ref.Kind, r.last().counterpart)
		if r != made && r.alive() && named != nil && named.survivor() == source && named.mergedSeq <= source.createdSeq {
			m.world.violate("%s was made for %s, which has %s by a merge", made.ref, of, r.ref)
		}
	}
}

// Update implements syncer.CRM.
func (m *model) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	r := m.byRef[rec.Ref]
	m.world.checkTurn(rec.Ref)
	guard := m.guard(rec.Modified)
	_, err := m.write(ctx, "update", func() error {
		if r == nil || !r.alive() {
			return m.err("update", crm.NotFound, "")
		}
		if err := m.troubles("update", r, recordLocked); err != nil {
			return err
		}
		if !guard.IsZero() && r.last().modified.After(guard) {
			return m.err("update", crm.Conflict, "ALREADY_MODIFIED")
		}
		if err := m.accept("update", rec.Ref.Kind, r, w); err != nil {
			return err
		}
		if m.change(r, texts(w), w.CounterpartID, connector) {
			m.world.announce(r, hookUpdated)
		}
		return nil
	})
	if err != nil {
		return crm.Written{}, err
	}
	return crm.Written{Ref: r.ref, Modified: r.last().modified, Guard: guard}, nil
}

// sharedGuard is how old the guard is, at least, that the writes of one call
// share.
const sharedGuard = 2 * time.Minute

// guard is the time after which a modification makes an update fail. It is
// later than that of the record where the call is shared with others.
func (m *model) guard(modified time.Time) time.Time {
	if m.system == crm.HubSpot || modified.IsZero() {
		return time.Time{}
	}
	if shared := m.clock().Add(-sharedGuard); modified.Before(shared) {
		return shared
	}
	return modified
}

// write carries out a change, now or late, and may lose its answer.
func (m *model) write(ctx context.Context, action string, do func() error) (fault, error) {
	f, err := m.begin(ctx, action, lostAnswer, lostAnswer, lateWrite, locked)
	if err != nil {
		return f, err
	}
	lost := m.err(action, crm.Unavailable, "504")
	lost.Ambiguous = true
	switch f {
	case lostAnswer:
		if err := do(); err != nil {
			m.world.happened("refused: "+err.Error(), m.world.running.name)
		}
		return f, lost
	case lateWrite:
		m.world.landing = append(m.world.landing, landing{
			at: m.world.now + m.world.between(1, 120*second), what: string(m.system) + " " + action,
			do: func() { _ = do() }, // no caller reads the answer
		})
		return f, lost
	}
	err = do()
	if err != nil {
		m.world.happened("refused: "+err.Error(), m.world.running.name)
	}
	return f, err
}

func texts(w crm.Write) map[string]string {
	t := make(map[string]string, len(w.Fields))
	for f, v := range w.Fields {
		t[f] = v.Text
	}
	return t
}

// badFor begins a value that one side refuses.
var badFor = map[crm.System]string{crm.HubSpot: "BADH", crm.Zoho: "BADZ"}

// accept applies the rules of the CRM to a write.
func (m *model) accept(action string, k crm.Kind, r *record, w crm.Write) error {
	object := theMapping.Object(k)
	var bad, missing []crm.FieldError
	for i := range object.Fields {
		f := &object.Fields[i]
		name := f.On(m.system)
		v, sent := w.Fields[name]
		switch {
		case sent && isCompany(k, name, m.system) && v.Text != "" && !m.employs(v.Text):
			bad = append(bad, crm.FieldError{Field: name, Code: "INVALID_DATA"})
		case sent && strings.HasPrefix(v.Text, badFor[m.system]):
			bad = append(bad, crm.FieldError{Field: name, Code: "INVALID_DATA"})
		case f.RequiredOn(m.system) && (sent && v.Text == "" || !sent && r == nil):
			missing = append(missing, crm.FieldError{Field: name, Code: "MANDATORY_NOT_FOUND"})
		}
	}
	if m.system == crm.HubSpot && m.world.plan.noField && w.CounterpartID != "" {
		bad = append(bad, crm.FieldError{Field: "zoho_id", Code: "PROPERTY_DOESNT_EXIST"})
	}
	switch {
	case bad != nil:
		return m.err(action, crm.Invalid, "INVALID_DATA", bad...)
	case missing != nil:
		return m.err(action, crm.Missing, "MANDATORY_NOT_FOUND", missing...)
	}
	return m.unique(action, k, r, w)
}

// unique refuses what another record has.
func (m *model) unique(action string, k crm.Kind, r *record, w crm.Write) error {
	if m.system == crm.HubSpot {
		key := keyOn(k, m.system)
		if other := m.bearer(k, w.Fields[key].Text, r); other != nil {
			e := m.err(action, crm.Duplicate, "CONTACT_EXISTS", crm.FieldError{Field: key, Code: "CONTACT_EXISTS"})
			e.ExistingID = other.ref.RecordID
			return e
		}
	}
	if w.CounterpartID == "" {
		return nil
	}
	if other := m.holder(k, w.CounterpartID, r); other != nil {
		e := m.err(action, crm.Duplicate, "DUPLICATE_DATA")
		e.ExistingID = other.ref.RecordID
		if action == "update" {
			e.Fields = []crm.FieldError{{Field: "counterpart", Code: "DUPLICATE_DATA"}}
		}
		return e
	}
	return nil
}
