package syncer

import (
	"context"
	"fmt"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Members finds the contacts of a company.
type Members interface {
	// FindMembers returns the contacts, on the company's own side, whose links
	// say that they were last seen at the company: at most limit of them, and
	// where to go on, "" at the end. The first page is that after "".
	FindMembers(ctx context.Context, company crm.Ref, after string, limit int) (contacts []crm.Ref, next string, err error)
}

// Publisher publishes operations.
type Publisher interface {
	Publish(ctx context.Context, ops []op.Operation) error
}

// membersPage is how many contacts are asked for, and published, at a time.
const membersPage = 200

// announce notes that the contacts of companies have to be looked at again:
// the company was linked, or another record took its place. It means nothing
// for a link of contacts.
func (l *Link) announce(refs ...crm.Ref) {
	if l.Kind != crm.Company {
		return
	}
	for _, r := range refs {
		if r.RecordID != "" && !slices.Contains(l.FanOutPending, r) {
			l.FanOutPending = append(slices.Clone(l.FanOutPending), r)
		}
	}
}

// tell publishes an operation for each contact of the companies that the link
// has noted, and then forgets the note. When it is cut off, the next operation
// on the company does it again. While the company is still to be created, its
// contacts would find it as they left it: the note is kept.
func (t *task) tell(ctx context.Context, link Link) (Link, error) {
	if len(link.FanOutPending) == 0 || !link.Complete() && link.DeletedOn == "" {
		return link, nil
	}
	for _, company := range link.FanOutPending {
		if err := t.tellMembers(ctx, company); err != nil {
			return link, err
		}
	}
	link.FanOutPending = nil
	return t.Links.SaveLink(ctx, link)
}

func (t *task) tellMembers(ctx context.Context, company crm.Ref) error {
	contacts := t.Mapping.Object(crm.Contact)
	if contacts == nil || companyField(contacts) == nil {
		return nil
	}
	for after, more := "", true; more; more = after != "" {
		refs, next, err := t.Members.FindMembers(ctx, company, after, membersPage)
		if err != nil {
			return fmt.Errorf("find the contacts of %s: %w", company, err)
		}
		var ops []op.Operation
		for _, r := range refs {
			now := t.Clock.Now()
			ops = append(ops, op.Operation{
				Version: op.Version, ID: t.NewID(), Ref: r, Change: op.Associated, OccurredAt: now, ReceivedAt: now,
			})
		}
		if len(ops) > 0 {
			if err := t.Publishers[company.System].Publish(ctx, ops); err != nil {
				return fmt.Errorf("publish for the contacts of %s: %w", company, err)
			}
		}
		after = next
	}
	return nil
}
