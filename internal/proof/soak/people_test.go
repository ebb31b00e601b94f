package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// apart is how long after an edit of a field on one side a person may edit it
// on the other: whole seconds decide, so that the later edit is known.
const apart = 1100 * time.Millisecond

// clears is the share of the edits that empty a field.
const clears = 0.08

// field is one mapped field and how a value of it is made from a number.
type field struct {
	names map[crm.System]string
	value func(n int) string
	keep  bool // never cleared
	key   bool // finds the counterpart: not touched before the records are linked
	whole bool // a JSON number in Zoho
}

func mapped(hubspot, zoho, format string) field {
	return field{
		names: map[crm.System]string{crm.HubSpot: hubspot, crm.Zoho: zoho},
		value: func(n int) string { return fmt.Sprintf(format, n) },
	}
}

func (f field) kept() field  { f.keep = true; return f }
func (f field) asKey() field { f.key = true; return f }
func (f field) count() field { f.whole = true; return f }

// fields are those that people edit.
var fields = map[crm.Kind][]field{
	crm.Contact: {
		mapped("email", "Email", "p%d@example.com").asKey(),
		mapped("lastname", "Last_Name", "Last %d").kept(),
		mapped("firstname", "First_Name", "First %d"),
		mapped("phone", "Phone", "+1212%07d"),
		mapped("mobilephone", "Mobile", "+1415%07d"),
		mapped("jobtitle", "Title", "Title %d"),
		mapped("address", "Mailing_Street", "%d Main Street"),
		mapped("city", "Mailing_City", "City %d"),
		mapped("state", "Mailing_State", "State %d"),
		mapped("zip", "Mailing_Zip", "Z%d"),
	},
	crm.Company: {
		mapped("domain", "Website", "c%d.example.com").asKey(),
		mapped("name", "Account_Name", "Company %d").kept().asKey(),
		mapped("phone", "Phone", "+1212%07d"),
		mapped("numberofemployees", "Employees", "%d").count(),
		mapped("description", "Description", "What number %d does"),
		mapped("address", "Billing_Street", "%d Main Street"),
		mapped("city", "Billing_City", "City %d"),
	},
}

// cell is one field of one person or company, as people left it.
type cell struct {
	value string
	side  crm.System
	at    time.Time       // when the edit was answered
	said  map[string]bool // every value that a person ever gave it
}

// entity is one person or company and its records. The mutex is held during an
// edit, so that the order of the edits is known.
type entity struct {
	mu       sync.Mutex
	kind     crm.Kind
	zohoOnly bool // people never enter it in HubSpot
	first    crm.System
	ids      map[crm.System]string
	linked   bool
	touched  time.Time // the last edit
	cells    []cell    // as fields[kind]
}

// people work in both CRMs and remember what they did.
type people struct {
	*endpoints
	entities []*entity

	mu      sync.Mutex
	numbers int
	created int // entities that have been begun
	turns   int
	tally   map[string]int
}

// newPeople plans the entities: a quarter is entered in Zoho first, a twentieth
// never in HubSpot.
func newPeople(d *endpoints, contacts, companies int, rng *rand.Rand) *people {
	p := &people{endpoints: d, tally: map[string]int{}}
	for i := range contacts + companies {
		e := &entity{kind: crm.Contact, first: crm.HubSpot, ids: map[crm.System]string{}}
		if i >= contacts {
			e.kind = crm.Company
		}
		if draw := rng.Float64(); draw < 0.25 {
			e.first, e.zohoOnly = crm.Zoho, draw < 0.05
		}
		e.cells = make([]cell, len(fields[e.kind]))
		p.entities = append(p.entities, e)
	}
	rng.Shuffle(len(p.entities), func(i, j int) { p.entities[i], p.entities[j] = p.entities[j], p.entities[i] })
	return p
}

// work makes all entities and n edits, at most so many a second, with so many
// hands. All entities exist after six tenths of it.
func (p *people) work(ctx context.Context, n, rate, hands int, seed uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	total := n + len(p.entities)
	var all sync.WaitGroup
	for hand := range hands {
		rng := rand.New(rand.NewPCG(seed, uint64(hand)+1))
		all.Go(func() {
			for {
				turn, next := p.turn(total)
				if turn >= total {
					return
				}
				due := start.Add(time.Duration(turn) * time.Second / time.Duration(rate))
				err := wait(ctx, time.Until(due))
				if err == nil && next != nil {
					err = p.begin(ctx, next)
				} else if err == nil {
					err = p.editSomething(ctx, rng)
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("people at work: %w", err)
	}
	return p.enterTheRest(ctx)
}

// turn counts the turns and says which entity has to be made now, nil for an
// edit.
func (p *people) turn(total int) (turn int, next *entity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn = p.turns
	p.turns++
	if p.created < len(p.entities) && (p.created < 10 || p.created*total*6 <= turn*len(p.entities)*10) {
		next = p.entities[p.created]
		next.mu.Lock() // until begin is done
		p.created++
	}
	return turn, next
}

func (p *people) begin(ctx context.Context, e *entity) error {
	defer e.mu.Unlock()
	return p.enter(ctx, e, e.first)
}

// enter makes the record of an entity on a side: its keys, its name and some
// more.
func (p *people) enter(ctx context.Context, e *entity, s crm.System) error {
	set := map[int]string{}
	for i, f := range fields[e.kind] {
		n := p.number()
		switch known := e.cells[i].value; {
		case f.key && known != "": // what the other side knows it by
			set[i] = known
		case f.key || f.keep || n%2 == 0:
			set[i] = f.value(n)
		}
	}
	return p.edit(ctx, e, s, set, "created in "+string(s))
}

func (p *people) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers++
	return p.numbers
}

func (p *people) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally[what]++
}

// editSomething edits one to three fields of an entity that no other person edits.
// One in five edits concerns one of the first twenty entities.
func (p *people) editSomething(ctx context.Context, rng *rand.Rand) error {
	for ctx.Err() == nil {
		p.mu.Lock()
		among := p.created
		p.mu.Unlock()
		if rng.IntN(5) == 0 {
			among = min(among, 20)
		}
		e := p.entities[rng.IntN(among)]
		if !e.mu.TryLock() {
			continue
		}
		done, err := p.editOne(ctx, e, rng)
		e.mu.Unlock()
		if done || err != nil {
			return err
		}
	}
	return ctx.Err()
}

// editOne reports false when there is nothing that may be edited now.
func (p *people) editOne(ctx context.Context, e *entity, rng *rand.Rand) (bool, error) {
	if e.ids[crm.HubSpot] == "" && !e.zohoOnly && time.Since(e.touched) > apart {
		return true, p.enter(ctx, e, crm.HubSpot)
	}
	if err := p.meet(ctx, e); err != nil {
		return false, err
	}
	s := crm.Systems[rng.IntN(2)]
	if e.ids[s] == "" {
		s = s.Other()
	}
	set := map[int]string{}
	for range 1 + rng.IntN(3) {
		i := rng.IntN(len(e.cells))
		f, c := fields[e.kind][i], &e.cells[i]
		switch {
		case f.key && !e.linked, c.side != s && time.Since(c.at) < apart:
		case !f.keep && c.value != "" && rng.Float64() < clears:
			set[i] = ""
		default:
			set[i] = f.value(p.number())
		}
	}
	if len(set) == 0 {
		return false, nil
	}
	return true, p.edit(ctx, e, s, set, "edits in "+string(s))
}

// meet looks whether the connector has linked the records of an entity.
func (p *people) meet(ctx context.Context, e *entity) error {
	if e.linked || e.ids[crm.HubSpot] == "" {
		return nil
	}
	counterparts, err := p.list(ctx, crm.Zoho, e.kind, "?"+counterpartField[crm.Zoho]+"="+e.ids[crm.HubSpot])
	if err == nil && len(counterparts) > 0 {
		e.linked = true
		if e.ids[crm.Zoho] == "" {
			e.ids[crm.Zoho] = counterparts[0].ID
		}
	}
	return err
}

// edit writes values to a side and remembers those that the side took for an
// edit: emptying what is empty there is none.
func (p *people) edit(ctx context.Context, e *entity, s crm.System, set map[int]string, what string) error {
	values := map[string]any{}
	for i, v := range set {
		f := fields[e.kind][i]
		switch {
		case s == crm.Zoho && v == "":
			values[f.names[s]] = nil
		case s == crm.Zoho && f.whole:
			values[f.names[s]] = json.Number(v)
		default:
			values[f.names[s]] = v
		}
	}
	before := time.Now().Truncate(time.Second) // Zoho's histories know whole seconds
	got, err := p.write(ctx, s, e.kind, e.ids[s], values)
	if err != nil {
		return err
	}
	e.ids[s] = got.ID
	e.touched = time.Now()
	p.count(what)
	for i, v := range set {
		history := got.entries(fields[e.kind][i].names[s])
		if len(history) == 0 || history[0].own || history[0].value != v || history[0].at.Before(before) {
			continue
		}
		c := &e.cells[i]
		if c.side != "" && c.side != s {
			p.count("fields edited on both sides in turn")
		}
		c.value, c.side, c.at = v, s, e.touched
		if c.said == nil {
			c.said = map[string]bool{}
		}
		c.said[v] = true
		p.count("fields edited")
	}
	return nil
}

// enterTheRest brings to HubSpot who is only in Zoho so far and shall not stay
// so.
func (p *people) enterTheRest(ctx context.Context) error {
	if err := wait(ctx, apart); err != nil {
		return err
	}
	for _, e := range p.entities {
		if e.ids[crm.HubSpot] == "" && !e.zohoOnly {
			if err := p.enter(ctx, e, crm.HubSpot); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait lets d pass.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
