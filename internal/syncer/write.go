package syncer

import (
	"context"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// quietTime is how long before the read the guard of a write must lie, for the
// write to be known to have overwritten nothing: the guard compares whole
// seconds of a clock that is not ours.
const quietTime = time.Minute

// settle decides, stores the decision, writes, and reads back, until nothing
// is left to write.
func (t *task) settle(ctx context.Context, p *pair) (err error) {
	t.report.Counterpart = p.link.Ref(t.source.System.Other())
	defer func() {
		if err != nil {
			t.release(ctx, p)
		}
	}()
	for range maxPasses {
		all, writes, err := t.weigh(ctx, p)
		if err != nil {
			return err
		}
		if len(writes) == 0 {
			return t.finish(ctx, p)
		}
		if err := t.brake(ctx, p, writes); err != nil {
			return err
		}
		t.note(p, all)
		// Under a lease, the ids of two records need not be stored before they
		// are written to the records: those can be found by them.
		if !t.held(p.link) || valuesIn(writes) {
			if err := t.hold(ctx, p); err != nil {
				return err
			}
		}
		if err := t.writeAll(ctx, p, writes); err != nil {
			return err
		}
	}
	return ErrUnsettled
}

// weigh decides and plans, and does both again where a company that was decided
// on got its link in between.
func (t *task) weigh(ctx context.Context, p *pair) ([]decided, map[crm.System]*crm.Write, error) {
	for range maxPasses {
		all, err := t.decide(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		p.renamed = false
		writes, err := t.plan(ctx, p, all)
		if err != nil || !p.renamed {
			return all, writes, err
		}
	}
	return nil, nil, ErrUnsettled
}

// brake asks whether values may be cleared.
func (t *task) brake(ctx context.Context, p *pair, writes map[crm.System]*crm.Write) error {
	if t.Safeguard == nil {
		return nil
	}
	for s, w := range writes {
		for _, v := range w.Fields {
			if v.Text != "" {
				continue
			}
			if err := t.Safeguard.AllowClear(ctx, p.link.Ref(s)); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

func valuesIn(writes map[crm.System]*crm.Write) bool {
	for _, w := range writes {
		if len(w.Fields) > 0 {
			return true
		}
	}
	return false
}

// plan turns decisions into at most one write for each side. A value that a
// side cannot hold is recorded and left out.
func (t *task) plan(ctx context.Context, p *pair, all []decided) (map[crm.System]*crm.Write, error) {
	p.lost = false
	for _, d := range all {
		if d.Reason == merge.LostValue {
			p.lost = true
			f := Failure{Action: "merge", Record: p.link.Ref(t.source.System.Other()), Kind: crm.Missing, Code: "LOST_VALUE",
				Fields: []crm.FieldError{{Field: d.field.Name, Code: "LOST_VALUE"}}}
			if err := t.fail(ctx, f); err != nil {
				return nil, err
			}
		}
	}
	writes := map[crm.System]*crm.Write{}
	for _, s := range crm.Systems {
		w := &crm.Write{Fields: map[string]crm.Value{}}
		var unfitting []crm.FieldError
		for _, d := range all {
			if !d.Writes(s) {
				continue
			}
			if d.field.Type == mapping.Company {
				if err := t.planCompany(ctx, p, s, w, d); err != nil {
					return nil, err
				}
				continue
			}
			v, err := d.field.Render(s, d.Value.Text)
			if err != nil {
				unfitting = append(unfitting, unfit(d, s))
				continue
			}
			w.Fields[d.field.On(s)] = v
		}
		if len(unfitting) > 0 {
			if err := t.refuse(ctx, p, s, w, &crm.Error{System: s, Kind: crm.Invalid, Code: wholeCode(unfitting), Fields: unfitting}); err != nil {
				return nil, err
			}
		}
		twin := p.link.On(s.Other()).RecordID
		if h := p.side[s]; twin != "" && (h == nil || h.record.CounterpartID != twin) && !p.link.On(s).CounterpartIDRefused {
			w.CounterpartID = twin
		}
		if len(w.Fields) > 0 || w.CounterpartID != "" {
			writes[s] = w
		}
	}
	return writes, nil
}

// note keeps the decisions that moved something, for the person who asks why.
func (t *task) note(p *pair, all []decided) {
	for _, d := range all {
		if !d.WriteHubSpot && !d.WriteZoho {
			continue
		}
		n := Decision{At: t.Clock.Now(), Operation: t.op.ID, Field: d.field.Name, Winner: d.Winner, Reason: d.Reason}
		for _, s := range crm.Systems {
			if d.Writes(s) {
				n.Wrote = append(n.Wrote, s)
			}
		}
		p.link.remember(n)
	}
}

// hold stores the decision and takes the lease, in one compare and set.
func (t *task) hold(ctx context.Context, p *pair) error {
	t.noteCompany(p)
	before := p.link
	if p.link.Lease.Holder == "" || !t.held(p.link) {
		p.link.Lease.Holder = t.op.ID + "/" + t.NewID()
	}
	p.link.Lease.Until = t.Clock.Now().Add(leaseTime)
	saved, err := t.save(ctx, p.link, p.complete)
	if err != nil {
		before.Lease = Lease{} // it was never ours
		p.link = before
		return err
	}
	p.link, p.saved, p.complete = saved, saved.Fields, true
	return nil
}

// release gives the lease back after an error, so that the next attempt need
// not wait for it to run out. The stored decision stays.
func (t *task) release(ctx context.Context, p *pair) {
	if p.link.Lease.Holder == "" || p.link.Version == "" {
		return
	}
	p.link.Lease = Lease{}
	_, _ = t.Links.SaveLink(context.WithoutCancel(ctx), p.link) // it runs out by itself
}

// writeAll writes to each side and reads back what was written there.
func (t *task) writeAll(ctx context.Context, p *pair, writes map[crm.System]*crm.Write) error {
	for _, s := range crm.Systems {
		w := writes[s]
		if w == nil {
			continue
		}
		h := p.side[s]
		wrote, err := t.write(ctx, p, s, w)
		if err != nil {
			return err
		}
		if !wrote {
			continue
		}
		if len(w.Fields) == 0 {
			h.record.CounterpartID = w.CounterpartID
			continue
		}
		back, err := t.read(ctx, h.record.Ref)
		if crm.IsKind(err, crm.NotFound) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		if back.record.Ref != p.link.Ref(s) {
			return ErrChanged // merged since it was read: the survivor may be in other hands
		}
		if back.record.Modified.Before(h.record.Modified) {
			p.side[s] = back // a copy from before the write proves nothing
			continue
		}
		back.exposed = h.guard.IsZero() || h.began.Sub(h.guard) < quietTime
		back.acknowledged = t.fieldNames(s, w.Fields)
		p.side[s] = back
	}
	return nil
}

// write updates one record. Fields that the side refuses are recorded and left
// out; the rest is written.
func (t *task) write(ctx context.Context, p *pair, s crm.System, w *crm.Write) (bool, error) {
	for len(w.Fields) > 0 || w.CounterpartID != "" {
		done, err := t.crm(s).Update(ctx, p.side[s].record, *w)
		if err == nil {
			p.link.On(s).WroteAt = t.Clock.Now()
			p.side[s].record.Ref, p.side[s].guard = done.Ref, done.Guard
			t.wrote(s, w)
			return true, nil
		}
		e := crm.AsError(err)
		switch {
		case e == nil:
			return false, err
		case e.Kind == crm.NotFound:
			return false, ErrChanged // deleted or merged since it was read
		case !permanent(e):
			return false, err
		}
		if err := t.refuse(ctx, p, s, w, e); err != nil {
			return false, err
		}
	}
	return false, nil
}

// permanent reports whether the values themselves are to blame.
func permanent(e *crm.Error) bool {
	switch e.Kind {
	case crm.Invalid, crm.Missing, crm.Duplicate:
		return true
	}
	return false
}

func (t *task) wrote(s crm.System, w *crm.Write) {
	for name := range t.fieldNames(s, w.Fields) {
		t.report.Written = append(t.report.Written, fmt.Sprintf("%s:%s", s, name))
	}
	if w.CounterpartID != "" {
		t.report.Written = append(t.report.Written, fmt.Sprintf("%s:twin_id", s))
	}
}

// fieldNames translates the API names of a write into the mapping's names.
func (t *task) fieldNames(s crm.System, fields map[string]crm.Value) map[string]bool {
	names := map[string]bool{}
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		if _, ok := fields[f.On(s)]; ok {
			names[f.Name] = true
		}
	}
	return names
}

// refuse takes the fields that e blames out of w, marks them in the link so
// that they are not sent again until they change, and records the failure.
// When e blames no field that was sent, all of them are taken out: an answer
// that cannot be understood must not be repeated for ever.
func (t *task) refuse(ctx context.Context, p *pair, s crm.System, w *crm.Write, e *crm.Error) error {
	// The mark keeps the field quiet, so a person must have been told before.
	err := t.fail(ctx, Failure{
		Side: s, Record: p.link.Ref(s), Action: "update", Kind: e.Kind, Code: e.Code, Fields: t.described(s, w, e.Fields),
	})
	if err != nil {
		return err
	}
	p.link.Failing = true
	blamed := t.blame(s, w, e)
	hit := false
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		code, ok := blamed[f.On(s)]
		if !ok || f.On(s) == "" {
			continue
		}
		t.markRefused(p, s, f.Name, code)
		delete(w.Fields, f.On(s))
		delete(blamed, f.On(s))
		hit = true
	}
	switch {
	case w.CounterpartID != "" && (len(blamed) > 0 || !hit && len(w.Fields) == 0):
		w.CounterpartID, p.link.On(s).CounterpartIDRefused = "", true
	case !hit:
		for name := range t.fieldNames(s, w.Fields) {
			t.markRefused(p, s, name, e.Code)
		}
		w.Fields = nil
	}
	return nil
}

// blame returns the code for each field that e is about. A value that another
// record has taken is that of a key, where the side does not say which.
func (t *task) blame(s crm.System, w *crm.Write, e *crm.Error) map[string]string {
	blamed := map[string]string{}
	for _, f := range e.Fields {
		blamed[f.Field] = f.Code
	}
	if len(blamed) > 0 || e.Kind != crm.Duplicate {
		return blamed
	}
	for _, name := range t.object.Match {
		if f := t.object.Field(name); f != nil {
			if _, sent := w.Fields[f.On(s)]; sent {
				blamed[f.On(s)] = "DUPLICATE"
				break
			}
		}
	}
	return blamed
}

func (t *task) markRefused(p *pair, s crm.System, field, code string) {
	base := p.link.Fields[field]
	if code == "" {
		code = "REFUSED"
	}
	base.On(s).Pending = false
	base.On(s).Refused = merge.Refusal{Hash: base.Cell.Hash, Code: code}
	p.link.Fields[field] = base
	if code == codeNoTwin {
		return
	}
	t.report.Refused = append(t.report.Refused, fmt.Sprintf("%s:%s", s, field))
}
