package syncer

import (
	"context"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// membersPage is how many contacts are asked for, and published, at a time.
const membersPage = 200

// saveAndFanOut stores a link and fans out what it has noted.
func (s *Syncer) saveAndFanOut(ctx context.Context, link Link) (Link, error) {
	link, err := s.Links.SaveLink(ctx, link)
	if err != nil {
		return link, err
	}
	return s.fanOut(ctx, link)
}

// fanOut publishes an operation for each contact of the companies that the link
// has noted, and removes the note. When it is cut off, the next operation
// on the company does it again. While the company is still to be created, its
// contacts would find it as they left it: the note is kept.
func (s *Syncer) fanOut(ctx context.Context, link Link) (Link, error) {
	if len(link.FanOutPending) == 0 || !link.Complete() && link.DeletedOn == "" {
		return link, nil
	}
	for _, company := range link.FanOutPending {
		if err := s.fanOutCompany(ctx, company); err != nil {
			return link, err
		}
	}
	link.FanOutPending = nil
	return s.Links.SaveLink(ctx, link)
}

// fanOutCompany publishes an operation for each contact of a company.
func (s *Syncer) fanOutCompany(ctx context.Context, company crm.Ref) error {
	contacts := s.Mapping.Object(crm.Contact)
	if contacts == nil || companyField(contacts) == nil {
		return nil
	}
	for after, more := "", true; more; more = after != "" {
		refs, next, err := s.Members.FindMembers(ctx, company, after, membersPage)
		if err != nil {
			return fmt.Errorf("find the contacts of %s: %w", company, err)
		}
		var ops []op.Operation
		for _, r := range refs {
			now := s.Clock.Now()
			ops = append(ops, op.Operation{
				Version: op.Version, ID: s.NewID(), Ref: r, Change: op.Associated, OccurredAt: now, ReceivedAt: now,
			})
		}
		if len(ops) > 0 {
			if err := s.Publishers[company.System].Publish(ctx, ops); err != nil {
				return fmt.Errorf("publish for the contacts of %s: %w", company, err)
			}
		}
		after = next
	}
	return nil
}
