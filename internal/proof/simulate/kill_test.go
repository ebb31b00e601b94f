package simulate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

// The scenes of this file run without chance: one operation after the other,
// nothing goes wrong but that processes are ended, and those ends are
// enumerated: before every effect, and before every pair of effects.

// scenario is what people do before and while the connector works.
type scenario struct {
	name   string
	before func(w *world) // brought to rest
	play   func(w *world)
	// during is what people do after the effect that begins tells.
	during func(w *world)
	begins int
	// silent is the side whose webhooks are lost.
	silent crm.System
	// after is how long after the scene a job mails what failed; 0 for never.
	after int64
}

var scenarios = []scenario{
	{
		name: "create in Zoho",
		play: func(w *world) { w.contact(crm.HubSpot, "a") },
	},
	{
		name:   "link to a contact that Zoho has",
		before: func(w *world) { w.contact(crm.Zoho, "old") },
		play:   func(w *world) { w.now += hour; w.contact(crm.HubSpot, "new") },
	},
	{
		name:   "update in Zoho",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play:   func(w *world) { w.types(crm.HubSpot, "city", "b") },
	},
	{
		name:   "update in HubSpot",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play:   func(w *world) { w.types(crm.Zoho, "city", "b") },
	},
	{
		name:   "update on both sides",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play: func(w *world) {
			w.types(crm.HubSpot, "city", "b")
			w.types(crm.Zoho, "title", "c")
			w.now += 5 * second
			w.types(crm.Zoho, "city", "d")
		},
	},
	{
		name:   "update with a value that Zoho refuses",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play: func(w *world) {
			w.types(crm.HubSpot, "city", badFor[crm.Zoho])
			w.types(crm.HubSpot, "title", "c")
		},
	},
	{
		name:   "mail of a value that Zoho refuses",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play:   func(w *world) { w.types(crm.HubSpot, "city", badFor[crm.Zoho]) },
		after:  10 * minute,
	},
	{
		name: "create a company",
		play: func(w *world) { w.company("a") },
	},
	{
		name: "create a contact whose company has to be created first",
		play: func(w *world) {
			company := w.company("a")
			w.net = nil // the contact's webhook alone arrives
			w.employee(company)
		},
	},
	{
		name:   "put a contact at a company that has to be created first",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play: func(w *world) {
			company := w.company("a")
			w.types(crm.HubSpot, "company", company.ref.RecordID)
		},
	},
	{
		name:   "create a company for which a contact waits",
		before: func(w *world) { w.employee(w.company("")) },
		play:   func(w *world) { w.name("a") },
	},
	{
		name:   "create a company for which a contact waits, of which Zoho says nothing",
		before: func(w *world) { w.employee(w.company("")) },
		play:   func(w *world) { w.name("a") },
		silent: crm.Zoho,
	},
	{
		name:   "link a company for which a contact waits to one that Zoho has",
		before: func(w *world) { w.employee(w.company("")) },
		play: func(w *world) {
			r := w.crms[crm.Zoho].make(crm.Company, person)
			w.people.save(r, map[string]string{"Account_Name": "a", "Website": kinds[crm.Company].fresh(1)})
			w.announce(r, hookCreated)
		},
	},
	{
		name:   "privacy deletion, received after the deletion",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play:   func(w *world) { w.people.eraseFor(w.crms[crm.HubSpot].records[0], hookDeleted, hookErased) },
	},
	{
		name:   "privacy deletion, received before the deletion",
		before: func(w *world) { w.contact(crm.HubSpot, "a") },
		play:   func(w *world) { w.people.eraseFor(w.crms[crm.HubSpot].records[0], hookErased, hookDeleted) },
	},
}

// creationEffects is how many effects the first scene has.
const creationEffects = 12

// erasedDuring are scenes in which a contact is deleted for privacy while the
// connector creates its counterpart, one for each effect after which that may be.
func erasedDuring() []scenario {
	var all []scenario
	for n := 1; n <= creationEffects; n++ {
		all = append(all, scenario{
			name:   fmt.Sprintf("privacy deletion after effect %d of a creation", n),
			play:   func(w *world) { w.contact(crm.HubSpot, "a") },
			during: func(w *world) { w.people.eraseFor(w.crms[crm.HubSpot].records[0], hookErased, hookDeleted) },
			begins: n,
		})
	}
	return all
}

// company is made by a person in HubSpot; Zoho does not take it without a name.
func (w *world) company(name string) *record {
	r := w.crms[crm.HubSpot].make(crm.Company, person)
	fields := map[string]string{"domain": kinds[crm.Company].fresh(1)}
	if name != "" {
		fields["name"] = name
	}
	w.people.save(r, fields)
	w.announce(r, hookCreated)
	return r
}

// name gives the first company a name.
func (w *world) name(name string) {
	company := w.crms[crm.HubSpot].records[0]
	w.people.save(company, map[string]string{"name": name})
	w.announce(company, hookUpdated)
}

// employee is made by a person in HubSpot, at a company.
func (w *world) employee(company *record) {
	r := w.crms[crm.HubSpot].make(crm.Contact, person)
	w.people.save(r, map[string]string{
		"email": kinds[crm.Contact].fresh(1), "lastname": "a", companyField.HubSpot: company.ref.RecordID,
	})
	w.announce(r, hookCreated)
}

// contact is made by a person, with the one address of all scenes.
func (w *world) contact(s crm.System, value string) {
	r := w.crms[s].make(crm.Contact, person)
	o := theMapping.Object(crm.Contact)
	w.people.save(r, map[string]string{
		o.Field("email").On(s): kinds[crm.Contact].fresh(1), o.Field("last_name").On(s): value, o.Field("city").On(s): value,
	})
	w.announce(r, hookCreated)
}

// types edits the only contact of a side.
func (w *world) types(s crm.System, field, value string) {
	r := w.crms[s].records[0]
	w.people.save(r, map[string]string{theMapping.Object(crm.Contact).Field(field).On(s): value})
	w.announce(r, hookUpdated)
}

// ends are the effects before which a process is killed, counted from the first
// one after the scene was played.
type ends [2]int

// run plays a scene and returns how many effects it had and what was violated.
func (s scenario) run(at ends) (effects int, violations []string) {
	w := newWorld(Options{Seed: 1})
	w.plan, w.people.stopped = plan{has: map[fault]bool{}}, true
	for _, m := range w.crms {
		m.skew = 0
	}
	w.healed = true
	if s.before != nil {
		s.before(w)
		w.run(w.quiet)
		w.now += hour
	}
	s.play(w)
	w.inTurn()
	w.healed = false
	w.mail.due = math.MaxInt64
	if s.after > 0 {
		w.mail.due = w.now + s.after
	}
	for !(w.quiet() && (s.after == 0 || w.mail.done)) && w.steps < maxSteps {
		w.steps++
		w.land()
		w.net = slices.DeleteFunc(w.net, func(h webhook) bool { return h.ref.System == s.silent })
		t := w.inOrder()
		if t == nil {
			continue
		}
		effects++
		w.now += 50
		if effects == at[0] || effects == at[1] {
			w.kill(t)
		} else {
			w.resume(t)
		}
		if effects == s.begins && s.during != nil {
			s.during(w)
			w.inTurn()
		}
	}
	if !w.quiet() {
		w.violate("not at rest")
	}
	if s.after == 0 {
		w.mailAll()
	}
	w.check()
	return effects, w.violations
}

// inTurn lets webhooks arrive in the order in which they were sent.
func (w *world) inTurn() {
	for i := range w.net {
		w.net[i].at = w.now + int64(i+1)*second
	}
}

// inOrder does the one thing that comes next, and returns the task that acts,
// or nil.
func (w *world) inOrder() *task {
	for _, t := range w.tasks {
		if t.wake <= w.now {
			return t
		}
	}
	for i := range w.net {
		if w.net[i].at <= w.now {
			w.receive(i)
			return nil
		}
	}
	for _, l := range w.queue.lanes {
		if !l.busy && len(l.waiting) > 0 && l.waiting[0].due <= w.now {
			w.queue.deliver(l)
			return nil
		}
	}
	if w.mail.due <= w.now && !w.mail.done {
		w.mail.start()
		return nil
	}
	w.now = max(w.now, w.nextEvent())
	return nil
}

func TestEveryKill(t *testing.T) {
	tier.Long(t, "that every single and double kill of a process does no harm")
	for _, s := range slices.Concat(scenarios, erasedDuring()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			n, violations := s.run(ends{})
			if len(violations) > 0 {
				t.Fatalf("without any kill: %s", strings.Join(violations, "; "))
			}
			runs := 0
			// A kill makes the scene longer: the second may come after the end
			// of the undisturbed one.
			for first := 1; first <= n; first++ {
				longest, _ := s.run(ends{first})
				for second := first; second <= longest; second++ {
					runs++
					if _, violations := s.run(ends{first, second}); len(violations) > 0 {
						t.Fatalf("killed before effects %d and %d of %d: %s", first, second, longest, strings.Join(violations, "; "))
					}
				}
			}
			t.Logf("%d effects, %d runs with one or two kills", n, runs)
		})
	}
}
