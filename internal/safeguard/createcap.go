package safeguard

import (
	"errors"
	"fmt"
)

// CreateCap bounds how many records a backfill creates before a person has agreed:
// a wrong match field would otherwise create every record a second time.
type CreateCap struct {
	// Allowed is how many records may be created; 0 is none.
	Allowed int
	// AskMore is called when so many were created, and returns how many more may
	// be; nil refuses.
	AskMore func(created int) int
}

// ErrTooManyCreates says that the cap on creates was reached.
var ErrTooManyCreates = errors.New("the cap on creates is reached")

// AllowCreates returns how many of the wanted records may be created after those
// that were, at least one. At the cap it asks for more.
func (c *CreateCap) AllowCreates(created, wanted int) (int, error) {
	for c.Allowed <= created {
		more := 0
		if c.AskMore != nil {
			more = c.AskMore(created)
		}
		if more <= 0 {
			return 0, fmt.Errorf("%d records were created: %w", created, ErrTooManyCreates)
		}
		c.Allowed = created + more
	}
	return min(wanted, c.Allowed-created), nil
}
