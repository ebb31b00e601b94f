package docstore

import (
	"iter"
	"slices"
)

// blockLen is where a block of an idSet is split in two.
const blockLen = 512

// idSet is a set of document ids in byte order. It is a list of sorted blocks:
// insertion moves at most one block's ids, and a walk can start anywhere. The
// zero value is empty.
type idSet struct {
	blocks [][]string
	size   int
}

// locate returns the block that holds id or should, and the place inside it.
func (s *idSet) locate(id string) (block, at int, found bool) {
	block, found = slices.BinarySearchFunc(s.blocks, id, func(b []string, id string) int {
		switch {
		case b[len(b)-1] < id:
			return -1
		case b[0] > id:
			return 1
		default:
			return 0
		}
	})
	if !found {
		return block, 0, false
	}
	at, found = slices.BinarySearch(s.blocks[block], id)
	return block, at, found
}

func (s *idSet) insert(id string) {
	b, at, found := s.locate(id)
	if found {
		return
	}
	s.size++
	if b == len(s.blocks) { // beyond the last id: the usual case of rising ids
		if b == 0 {
			s.blocks = [][]string{{id}}
			return
		}
		b, at = b-1, len(s.blocks[b-1])
	}
	s.blocks[b] = slices.Insert(s.blocks[b], at, id)
	if n := len(s.blocks[b]); n > blockLen {
		tail := slices.Clone(s.blocks[b][n/2:])
		s.blocks[b] = slices.Clip(s.blocks[b][:n/2])
		s.blocks = slices.Insert(s.blocks, b+1, tail)
	}
}

func (s *idSet) remove(id string) {
	b, at, found := s.locate(id)
	if !found {
		return
	}
	s.size--
	s.blocks[b] = slices.Delete(s.blocks[b], at, at+1)
	if len(s.blocks[b]) == 0 {
		s.blocks = slices.Delete(s.blocks, b, b+1)
	}
}

// from walks the ids that are at or after start, in order.
func (s *idSet) from(start string) iter.Seq[string] {
	return func(yield func(string) bool) {
		b, at, _ := s.locate(start)
		for ; b < len(s.blocks); b, at = b+1, 0 {
			for _, id := range s.blocks[b][at:] {
				if !yield(id) {
					return
				}
			}
		}
	}
}
