package queue

import (
	"context"
	"sync"
)

// counter counts the messages that are held and tells when there are none. The
// zero value counts from 0.
type counter struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to 0; nil without waiters
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	if c.n == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

func (c *counter) zero() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == 0
}

// wait returns when the count is 0, or with the error of ctx.
func (c *counter) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.none == nil {
		c.none = make(chan struct{})
	}
	none := c.none
	c.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
