package simulate

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/stats"
)

// statistics is the store of what the consumers count.
type statistics struct {
	world *world
	hours map[string]stats.Hour // by instance and hour
}

// statisticsEvery is how long counts may wait to be stored, as in the cloud.
const statisticsEvery = time.Minute

// recorder counts for one more instance.
func (s *statistics) recorder() *stats.Recorder {
	return stats.NewRecorder(stats.Config{Store: s, Instance: s.world.newID(), Every: statisticsEvery})
}

// SaveHour implements stats.Store.
func (s *statistics) SaveHour(ctx context.Context, h stats.Hour) error {
	if err := s.world.seam(ctx, "save statistics"); err != nil {
		return err
	}
	if s.world.storeIsDown() || s.world.draw(storeDown, noFault, noFault) != noFault {
		return errStore
	}
	s.hours[h.Instance+h.Start.String()] = h
	return nil
}

// LoadHours implements console.Stats.
func (s *statistics) LoadHours(ctx context.Context, since time.Time, _ bool) ([]stats.Hour, error) {
	if err := s.world.seam(ctx, "load statistics"); err != nil {
		return nil, err
	}
	if s.world.storeIsDown() {
		return nil, errStore
	}
	var all []stats.Hour
	for _, name := range slices.Sorted(maps.Keys(s.hours)) {
		if h := s.hours[name]; !h.Start.Before(since.Add(-time.Hour)) {
			all = append(all, h)
		}
	}
	return all, nil
}
