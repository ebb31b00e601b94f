package syncer

import (
	"context"
	"maps"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
)

// The company of a contact is a field like any other, but for its value: each
// side has an id of its own for one company. The value is the pair, which is
// the link of the two companies, so ids are compared by the links they belong
// to. A company without a complete link is a value of its own until it has one.

// Company is how a contact's link remembers the two ids of one company, so that
// comparing them costs no look-up while nothing changes.
type Company struct{ Link, HubSpot, Zoho string }

// keptCompanies is how many companies one contact's link remembers.
const keptCompanies = 8

// Codes of a company that cannot be written on a side.
const (
	// codeNotLinked: a person is told. The contact's next operation, or the
	// company's once it is linked, completes it.
	codeNotLinked = "COMPANY_NOT_LINKED"
	// codeNoTwin: the other side does not have the company, nor is it to be
	// created there. That is how things are, and nobody is told.
	codeNoTwin = "COMPANY_HAS_NO_COUNTERPART"
	// codeLater: synchronising the company failed for now. The operation comes
	// again, so the mark is not stored.
	codeLater = "COMPANY_LATER"
)

func waitsForCompany(r merge.Refusal) bool { return r.Code == codeNotLinked || r.Code == codeNoTwin }

func companyRef(s crm.System, id string) crm.Ref {
	return crm.Ref{System: s, Kind: crm.Company, RecordID: id}
}

// On returns the company's id on s.
func (c Company) On(s crm.System) string {
	if s == crm.HubSpot {
		return c.HubSpot
	}
	return c.Zoho
}

// companyField returns the field that holds a contact's company, nil if none
// is mapped.
func companyField(o *mapping.Object) *mapping.Field {
	for i := range o.Fields {
		if o.Fields[i].Type == mapping.Company {
			return &o.Fields[i]
		}
	}
	return nil
}

// recall begins an attempt with what the link remembers of companies.
func (t *task) recall(l Link) {
	t.companies, t.asked, t.later = map[crm.Ref]string{}, map[crm.Ref]bool{}, nil
	for _, c := range l.Companies {
		for _, s := range crm.Systems {
			t.companies[companyRef(s, c.On(s))] = c.Link
		}
	}
}

// namesCompany reports whether a history shows the name of the company whose id
// the record shows.
func namesCompany(f *mapping.Field, s crm.System, shown, raw string) bool {
	return f.Type == mapping.Company && raw != "" && shown != "" && companyRef(s, shown).Validate() != nil
}

// canon is the form in which a value is compared.
func (t *task) canon(f *mapping.Field, s crm.System, raw string) string {
	canonical := f.Canon(s, raw)
	if f.Type != mapping.Company || canonical == "" {
		return canonical
	}
	return t.canonCompany(companyRef(s, canonical))
}

func (t *task) canonCompany(ref crm.Ref) string {
	if link := t.companies[ref]; link != "" {
		return link
	}
	return ref.String()
}

// identify looks up the links of the companies that one side shows, as far as
// they decide anything: the one it shows now, and the one a person chose last.
func (t *task) identify(ctx context.Context, p *pair, h *half) error {
	f := companyField(t.object)
	if f == nil || h == nil {
		return nil
	}
	if err := t.keepLost(ctx, p, f, h); err != nil {
		return err
	}
	s := h.record.Ref.System
	base := p.link.Fields[f.Name]
	shown := h.record.Fields[f.On(s)]
	ids := []string{shown}
	for _, e := range h.record.History[f.On(s)] {
		if !e.Own {
			ids = append(ids, e.Value)
			break
		}
	}
	for _, id := range ids {
		ref := companyRef(s, id)
		_, known := t.companies[ref]
		if ask := !known || id == shown && base.On(s.Other()).Refused.Code != "" && !t.asked[ref]; !ask || ref.Validate() != nil {
			continue
		}
		if _, err := t.lookUp(ctx, p, ref); err != nil {
			return err
		}
	}
	return nil
}

// lookUp reads the link of a company and takes it in if it is complete.
func (t *task) lookUp(ctx context.Context, p *pair, ref crm.Ref) (Link, error) {
	link, found, err := t.Links.FindLink(ctx, ref)
	if err != nil {
		return Link{}, err
	}
	t.asked[ref] = true
	if !found || !link.Complete() {
		if _, known := t.companies[ref]; !known {
			t.companies[ref] = "" // not to be asked for again
		}
		return link, nil
	}
	t.know(p, link)
	return link, nil
}

// know takes in how a company translates. What was decided on it while it was
// known under another name is decided on it still.
func (t *task) know(p *pair, link Link) {
	c := Company{Link: link.ID, HubSpot: link.HubSpot.RecordID, Zoho: link.Zoho.RecordID}
	f := companyField(t.object)
	base, decided := p.link.Fields[f.Name]
	was := base
	for _, s := range crm.Systems {
		ref := companyRef(s, c.On(s))
		if old := t.canonCompany(ref); old != c.Link {
			base.Rename(t.hash.value(t.object.Kind, f.Name, old).Hash, t.hash.value(t.object.Kind, f.Name, c.Link).Hash)
			t.companies[ref], p.renamed = c.Link, true
		}
	}
	moved := !slices.Contains(p.link.Companies, c) // what was refused was another record
	for _, s := range crm.Systems {
		if r := base.On(s).Refused; (moved || waitsForCompany(r)) && r.Code != "" && r.Hash == t.hash.value(t.object.Kind, f.Name, c.Link).Hash {
			base.On(s).Refused, p.moved = merge.Refusal{}, true
		}
	}
	if decided && base != was {
		p.link.Fields = maps.Clone(p.link.Fields)
		p.link.Fields[f.Name] = base
	}
	if !moved {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(p.link.Companies), func(k Company) bool {
		return k.Link == c.Link && k.HubSpot == c.HubSpot || k.HubSpot == c.HubSpot && k.Zoho == c.Zoho
	})
	kept = append(kept, c)
	p.link.Companies = kept[max(0, len(kept)-keptCompanies):]
	p.moved = true
}

// keepLost shows a contact at the company that it had where the company itself
// was deleted: a CRM then shows none, which is not what a person chose for the
// contact, unless we were about to clear it.
func (t *task) keepLost(ctx context.Context, p *pair, f *mapping.Field, h *half) error {
	s := h.record.Ref.System
	had := companyRef(s, p.link.On(s).Company)
	if had.RecordID == "" || h.record.Fields[f.On(s)] != "" || h.acknowledged[f.Name] || p.link.On(s).RecordID != h.record.Ref.RecordID {
		return nil
	}
	if base := p.link.Fields[f.Name]; base.On(s).Pending && base.Cell.Hash == "" {
		return nil
	}
	lives, err := t.companyLives(ctx, had)
	if err == nil && !lives {
		lives, err = t.companyMoved(ctx, p, had)
	}
	if err != nil || lives {
		return err
	}
	h.record.Fields = maps.Clone(h.record.Fields)
	h.record.Fields[f.On(s)] = had.RecordID
	if edits := h.record.History[f.On(s)]; len(edits) > 0 {
		h.record.History = maps.Clone(h.record.History)
		for len(edits) > 0 && edits[0].Value == "" {
			edits = edits[1:]
		}
		h.record.History[f.On(s)] = edits
	}
	return nil
}

// movedSilently reports whether a record shows another company than its history
// ends with, which is the one that was seen last: its company was merged into
// that other one. A copy from before the last entry of the history proves nothing.
func (t *task) movedSilently(p *pair, s crm.System, field string, rec crm.Record) bool {
	f := companyField(t.object)
	if f == nil || f.On(s) != field {
		return false
	}
	had, shown, edits := p.link.On(s).Company, rec.Fields[field], rec.History[field]
	return had != "" && shown != "" && shown != had && len(edits) > 0 && edits[0].Value == had && !edits[0].At.After(rec.Modified)
}

func (t *task) companyLives(ctx context.Context, ref crm.Ref) (bool, error) {
	link, found, err := t.Links.FindLink(ctx, ref)
	if err != nil || found && link.DeletedOn == ref.System {
		return false, err
	}
	_, err = t.read(ctx, ref)
	if gone := crm.IsKind(err, crm.NotFound); !gone {
		return true, err
	}
	return false, nil
}

// companyMoved reports whether the company that a contact had is another record
// by now. Whoever was at the one that was merged away is at that one, or was taken
// from it by a person.
func (t *task) companyMoved(ctx context.Context, p *pair, had crm.Ref) (bool, error) {
	s := had.System
	for _, c := range p.link.Companies {
		if c.On(s) != had.RecordID {
			continue
		}
		link, found, err := t.Links.FindLink(ctx, companyRef(s.Other(), c.On(s.Other())))
		if err != nil || found && link.Complete() && link.On(s).RecordID != had.RecordID {
			return err == nil, err
		}
	}
	return false, nil
}

// renderCompany returns what is to be written on s for a company, or the code
// that says why it has to wait. A company that has no complete link is
// synchronised first, as an operation on it would do. If that fails for now,
// the contact is written without it, and the error comes back when it is.
func (t *task) renderCompany(ctx context.Context, p *pair, canonical string, s crm.System) (crm.Value, string, error) {
	v := crm.Value{Type: crm.Lookup}
	if canonical == "" {
		return v, "", nil
	}
	ref := t.companyOn(p, canonical, s)
	if ref.System == s {
		v.Text = ref.RecordID
		return v, "", nil
	}
	link, err := t.lookUp(ctx, p, ref)
	if err == nil && !link.Complete() && t.later == nil {
		if t.later = t.syncCompany(ctx, ref); t.later == nil {
			link, err = t.lookUp(ctx, p, ref)
		}
	}
	switch {
	case err != nil:
		return v, "", err
	case link.Complete():
		v.Text = link.On(s).RecordID
		return v, "", nil
	case t.Mapping.Object(crm.Company).Create[s]:
		return v, t.orLater(codeNotLinked), nil
	}
	return v, t.orLater(codeNoTwin), nil
}

// orLater returns the code, unless the company may be linked when the operation
// comes again.
func (t *task) orLater(code string) string {
	if t.later != nil {
		return codeLater
	}
	return code
}

// companyOn returns a record by which the link of a company is found: on the
// side that is not to be written, if one is known there.
func (t *task) companyOn(p *pair, canonical string, s crm.System) crm.Ref {
	from := s.Other()
	if h := p.side[from]; h != nil {
		f := companyField(t.object)
		if raw := h.record.Fields[f.On(from)]; raw != "" && t.canon(f, from, raw) == canonical {
			return companyRef(from, raw)
		}
	}
	for _, c := range slices.Backward(p.link.Companies) {
		if c.Link == canonical {
			return companyRef(from, c.On(from))
		}
	}
	ref, err := crm.ParseRef(canonical)
	if err != nil {
		return companyRef(from, "") // of a link that nobody remembers: it is found nowhere
	}
	return ref
}

// syncCompany does what an operation on the company would do.
func (t *task) syncCompany(ctx context.Context, ref crm.Ref) error {
	change := op.Reconciled
	if t.op.Change == op.Requested {
		change = op.Requested
	}
	company := t.newTask(op.Operation{
		Version: op.Version, ID: t.op.ID + "/company", Ref: ref, Change: change,
		OccurredAt: t.op.OccurredAt, ReceivedAt: t.op.ReceivedAt, ReplayOf: t.op.ReplayOf,
	})
	err := company.run(ctx)
	t.report.Calls += company.report.Calls
	return err
}

// planCompany adds a contact's company to what is written on s, or leaves it
// out.
func (t *task) planCompany(ctx context.Context, p *pair, s crm.System, w *crm.Write, d decided) error {
	v, code, err := t.renderCompany(ctx, p, d.Value.Text, s)
	switch {
	case err != nil:
		return err
	case code == "":
		w.Fields[d.field.On(s)] = v
		return nil
	case code == codeLater:
		return nil // it stays marked as still to be written
	}
	p.waits = true
	if code == codeNoTwin {
		t.markRefused(p, s, d.field.Name, code)
		return nil
	}
	return t.refuse(ctx, p, s, w, &crm.Error{System: s, Kind: crm.Missing, Code: code,
		Fields: []crm.FieldError{{Field: d.field.On(s), Code: code}}})
}

// noteCompany remembers which company each side shows.
func (t *task) noteCompany(p *pair) {
	f := companyField(t.object)
	if f == nil {
		return
	}
	for s, h := range p.side {
		if raw := h.record.Fields[f.On(s)]; p.link.On(s).Company != raw {
			p.link.On(s).Company, p.moved = raw, true
		}
	}
}

// revisit is the end of an operation on a contact that had to be left without
// its company. Whoever linked the company meanwhile may have looked for those
// who wait for it before this one did; and what failed for now comes again.
func (t *task) revisit(ctx context.Context, p *pair) error {
	if t.later != nil || !p.waits {
		return t.later
	}
	f := companyField(t.object)
	for s, h := range p.side {
		ref := companyRef(s, h.record.Fields[f.On(s)])
		if ref.Validate() != nil || t.companies[ref] != "" {
			continue
		}
		link, found, err := t.Links.FindLink(ctx, ref)
		if err != nil {
			return err
		}
		if found && link.Complete() {
			return ErrChanged
		}
	}
	return nil
}
