package queue

import (
	"hash/fnv"
)

// Faults make the embedded queue misbehave as the service may. The zero value
// does not. No fault loses a message.
type Faults struct {
	// RedeliverRate is the chance, 0 to 1, that an acknowledged message makes
	// its key fall back: one of the last acknowledged messages and all later ones
	// of that key, acknowledged or not, are delivered (again). What was repeated
	// does not make its key fall back once more, so the queue still drains.
	RedeliverRate float64

	// Seed chooses the messages. The choice depends on the seed and the
	// message's id alone, not on how deliveries interleave.
	Seed uint64
}

// rememberedAcks is how many acknowledged messages a key may fall back by.
const rememberedAcks = 8

// again returns what is delivered again after it was acknowledged as the head
// of l. The items are the engine's for as long as the call runs.
func (f Faults) again(l *lane, it *item) []*item {
	if f.RedeliverRate <= 0 {
		return nil
	}
	if len(l.done) == rememberedAcks {
		l.done = append(l.done[:0], l.done[1:]...)
	}
	l.done = append(l.done, it)
	draw := f.draw(it.msg.ID)
	if it.repeated || float64(draw>>11)/(1<<53) >= f.RedeliverRate {
		return nil
	}
	from := int(draw % uint64(len(l.done)))
	again := append([]*item(nil), l.done[from:]...)
	l.done = l.done[:from]
	for _, repeated := range again {
		repeated.repeated = true
		repeated.attempts = 0
	}
	return again
}

// draw returns a number that looks random and follows from seed and message.
func (f Faults) draw(messageID string) uint64 {
	h := fnv.New64a()
	var seed [8]byte
	for i := range seed {
		seed[i] = byte(f.Seed >> (8 * i))
	}
	_, _ = h.Write(seed[:]) // a hash never fails
	_, _ = h.Write([]byte(messageID))
	// FNV's high bits are weak: mix them. Source: the finalizer of MurmurHash3.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
