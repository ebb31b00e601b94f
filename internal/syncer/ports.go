package syncer

import (
	"context"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Reader reads one record.
type Reader interface {
	// Read answers crm.NotFound for a record that is gone, and another id than
	// the one asked for when the record was merged away.
	Read(ctx context.Context, ref crm.Ref) (crm.Record, error)
	// WithHistory adds the history of the fields where Read left it out.
	WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error)
}

// Finder looks for records by value. What it does not find may exist all the
// same: a search index lags.
type Finder interface {
	Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error)
}

// Writer changes records.
type Writer interface {
	Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error)
	Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error)
}

// CRM is one side.
type CRM interface {
	Reader
	Finder
	Writer
}

// LinkStore stores links. A record belongs to one link at most.
type LinkStore interface {
	// FindLink returns the link of a record of either side.
	FindLink(ctx context.Context, ref crm.Ref) (link Link, found bool, err error)
	// SaveLink stores l if it still is as it was read, together with the claims
	// on its records, and returns it with its new version. It answers
	// ErrChanged or ErrClaimed otherwise and stores nothing.
	SaveLink(ctx context.Context, l Link) (Link, error)
	// ReplaceLink is SaveLink in the place of over, which is dropped if it still is
	// as it was read: both or neither.
	ReplaceLink(ctx context.Context, l, over Link) (Link, error)
	// DropLink removes l and its claims if it still is as it was read.
	DropLink(ctx context.Context, l Link) error
}

// FailureStore keeps the operations that cannot succeed until a mail has listed
// them.
type FailureStore interface {
	RecordFailure(ctx context.Context, f Failure) error
	// ResolveFailures closes every open failure of the records and returns how
	// many there were.
	ResolveFailures(ctx context.Context, at time.Time, refs ...crm.Ref) (int, error)
}

// Failure is an operation, or a part of it, that no retry can heal.
type Failure struct {
	Operation op.Operation
	// Side refused; Record is the record it was meant for, without an id when
	// it was to be created.
	Side   crm.System
	Record crm.Ref
	Action string // "create", "update", "link", "merge", "delete"
	Kind   crm.ErrorKind
	Code   failurecode.Code
	Fields []crm.FieldError
	// Others are the records whose ids stand in the details of Fields.
	Others []crm.Ref
	At     time.Time
}

// Suppressions is the suppression list: the records that were erased, by keyed
// hashes alone, so that an operation that arrives late does not bring them back.
type Suppressions interface {
	Suppress(ctx context.Context, until time.Time, hashes ...string) error
	IsSuppressed(ctx context.Context, now time.Time, hash string) (bool, error)
}

// Eraser removes everything that a store holds of some records.
type Eraser func(ctx context.Context, refs ...crm.Ref) error

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

// Safeguard holds what looks like a mistake: values that are cleared on very many
// records within minutes.
type Safeguard interface {
	// AllowClear is asked before values of a record are cleared. After an error
	// they are not, and the operation comes again.
	AllowClear(ctx context.Context, record crm.Ref) error
}

// Clock gives the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}
