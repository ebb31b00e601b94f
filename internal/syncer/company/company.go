// Package company translates the companies of contacts. Each side has an id of
// its own for one company; what both ids have in common is the link of the two
// companies, so the company of a contact is compared by the link it belongs to.
// A company without a complete link is a value of its own until it has one.
package company

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Pair is the link of two companies with the id of each.
type Pair struct{ Link, HubSpot, Zoho string }

// On returns the company's id on s.
func (p Pair) On(s crm.System) string {
	if s == crm.HubSpot {
		return p.HubSpot
	}
	return p.Zoho
}

// Ref returns the company's record on s.
func (p Pair) Ref(s crm.System) crm.Ref { return NewRef(s, p.On(s)) }

// NewRef returns a company by its id on s.
func NewRef(s crm.System, id string) crm.Ref {
	return crm.Ref{System: s, Kind: crm.Company, RecordID: id}
}

// Link is what the store says of the link of a company.
type Link struct {
	Pair
	// Complete is set when both companies are known and live.
	Complete bool
	// DeletedOn names the side whose company was deleted.
	DeletedOn crm.System
}

// Source is where a Resolver looks.
type Source interface {
	// FindCompany returns the link of a company, the zero Link for none.
	FindCompany(ctx context.Context, ref crm.Ref) (Link, error)
	// Exists reads the company in its CRM.
	Exists(ctx context.Context, ref crm.Ref) (bool, error)
}

// Resolver knows the links of the companies that one attempt meets, so that each
// is read once. It belongs to one goroutine.
type Resolver struct {
	source Source
	links  map[crm.Ref]string // "" for a company without a complete link
	read   map[crm.Ref]bool   // those whose link this attempt has read
}

// New returns a Resolver that begins with what a contact's link remembers.
func New(source Source, remembered []Pair) *Resolver {
	r := &Resolver{source: source, links: map[crm.Ref]string{}, read: map[crm.Ref]bool{}}
	for _, p := range remembered {
		for _, s := range crm.Systems {
			r.links[p.Ref(s)] = p.Link
		}
	}
	return r
}

// Canonical is the form in which a company is compared: its link, or its own
// reference while it has no complete one.
func (r *Resolver) Canonical(ref crm.Ref) string {
	if link := r.links[ref]; link != "" {
		return link
	}
	return ref.String()
}

// IsKnown reports whether it is known which link a company has, if any.
func (r *Resolver) IsKnown(ref crm.Ref) bool {
	_, known := r.links[ref]
	return known
}

// IsLinked reports whether a company is known to have a complete link.
func (r *Resolver) IsLinked(ref crm.Ref) bool { return r.links[ref] != "" }

// WasRead reports whether Resolve has read the link of a company.
func (r *Resolver) WasRead(ref crm.Ref) bool { return r.read[ref] }

// Resolution is what Resolve found.
type Resolution struct {
	Link
	// Former are the canonical forms that the two companies had until now, where
	// they differ from their link.
	Former []string
}

// Resolve reads the link of a company and learns it if it is complete.
func (r *Resolver) Resolve(ctx context.Context, ref crm.Ref) (Resolution, error) {
	link, err := r.source.FindCompany(ctx, ref)
	if err != nil {
		return Resolution{}, err
	}
	r.read[ref] = true
	found := Resolution{Link: link}
	if !link.Complete {
		if !r.IsKnown(ref) {
			r.links[ref] = ""
		}
		return found, nil
	}
	for _, s := range crm.Systems {
		if former := r.Canonical(link.Ref(s)); former != link.Link {
			found.Former = append(found.Former, former)
			r.links[link.Ref(s)] = link.Link
		}
	}
	return found, nil
}

// IsDeleted reports whether a company is gone and no other record took its
// place. A contact that was at a company which was merged into another one is at
// that one, or a person took it from there.
func (r *Resolver) IsDeleted(ctx context.Context, ref crm.Ref, remembered []Pair) (bool, error) {
	link, err := r.source.FindCompany(ctx, ref)
	if err != nil {
		return false, err
	}
	if link.DeletedOn != ref.System {
		if exists, err := r.source.Exists(ctx, ref); err != nil || exists {
			return false, err
		}
	}
	s := ref.System
	for _, p := range remembered {
		if p.On(s) != ref.RecordID {
			continue
		}
		link, err := r.source.FindCompany(ctx, p.Ref(s.Other()))
		if err != nil || link.Complete && link.On(s) != ref.RecordID {
			return false, err
		}
	}
	return true, nil
}
