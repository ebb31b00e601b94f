package failure_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// mailScenario records, resolves and mails at random, with a mail service and a job
// that fail in every way, and keeps account of what must have been mailed.
type mailScenario struct {
	*scenario
	t   *testing.T
	rng *rand.Rand

	operations int
	news       map[string]int // operations that failed, by failure
	since      map[string]int // mails that were sent before the last of them
	open       map[string]bool
	again      int // mails that may have to be sent again
}

const scenarioRecords = 4

func (s *mailScenario) fail() {
	operation := s.operations
	if s.operations > 0 && s.rng.IntN(4) == 0 {
		operation = s.operations - 1 // delivered again
	} else {
		s.operations++
	}
	// A redelivery is of the same record.
	r := failed(numbered("operation-", operation), numbered("", operation*7%scenarioRecords))
	r.LastSeen = s.clock.Now()
	s.record(s.t, r)
	if operation == s.operations-1 && s.news[r.ID] < s.counted(r.ID) {
		s.news[r.ID]++
		s.since[r.ID] = len(s.mails.Mails())
	}
	s.open[r.ID] = true
}

func (s *mailScenario) counted(id string) int {
	list, err := s.store.ListFailures(s.t.Context(), failure.Filter{IDs: []string{id}, Resolved: true}, 0)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("%d failures, %v", len(list), err)
	}
	return list[0].Count
}

func (s *mailScenario) resolve() {
	record := numbered("", s.rng.IntN(scenarioRecords))
	if _, err := s.store.ResolveFailures(s.t.Context(), s.clock.Now(), hubspotContact(record)); err != nil {
		s.t.Fatal(err)
	}
	s.open[failed("", record).ID] = false
}

// send runs the job, which may go wrong.
func (s *mailScenario) send() {
	store := failure.DigestStore(s.store)
	switch s.rng.IntN(6) {
	case 0:
		s.mails.Faults.Add(sim.Fault{Status: 503, Count: 1})
	case 1: // SendGrid accepts, and the answer is lost
		s.mails.Faults.Add(sim.Fault{Status: 502, After: true, Count: 1})
		s.again++
	case 2: // killed before it marked
		store = unmarked{s.store}
		s.again++
	case 3: // killed with the turn in its hand
		now := s.clock.Now()
		if _, err := s.store.ClaimDigest(s.t.Context(), "killed", now, now.Add(5*time.Minute)); err != nil {
			s.t.Fatal(err)
		}
	}
	_, _ = s.digest(s.t, func(c *failure.Config) { c.Store = store }).Send(s.t.Context()) // an error is part of the story
	s.mails.Faults.Clear()
	s.clock.advance(6 * time.Minute)
}

// end heals everything and compares.
func (s *mailScenario) end() {
	d := s.digest(s.t)
	if r, err := d.Send(s.t.Context()); err != nil || r.Outcome == failure.Busy {
		s.t.Fatalf("%+v, %v after everything healed", r, err)
	}
	send(s.t, d, failure.NothingNew)
	mails := s.mails.Mails()
	for id, news := range s.news {
		times, last := 0, -1
		for i, m := range mails {
			if strings.Contains(m.Text, id) {
				times++
				last = i
			}
		}
		if s.open[id] && last < s.since[id] {
			s.t.Errorf("failure %s is open and no mail lists its last operation", id)
		}
		if times > news+s.again {
			s.t.Errorf("failure %s of %d operations was mailed %d times, %d answers were lost", id, news, times, s.again)
		}
	}
}

func TestEveryFailureIsMailedAndNoneTwiceWithoutNeed(t *testing.T) {
	told := 0
	for seed := range uint64(8) {
		s := &mailScenario{scenario: newScenario(t), t: t, rng: rand.New(rand.NewPCG(seed, 1)),
			news: map[string]int{}, since: map[string]int{}, open: map[string]bool{}}
		for range 40 {
			switch s.rng.IntN(6) {
			case 0:
				s.send()
			case 1:
				s.resolve()
			default:
				s.fail()
			}
			s.clock.advance(time.Second)
		}
		s.end()
		told += len(s.mails.Mails())
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if told == 0 {
		t.Error("no mail was sent")
	}
}
