package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// TestBrowser drives Chromium through what people do with the pages.
func TestBrowser(t *testing.T) {
	parent := startBrowser(t)
	needAxe(t)
	s := begin(t)
	hosts := []string{hostOf(t, s.FunctionsURL), hostOf(t, s.DemoURL)}
	for _, part := range []struct {
		name string
		run  func(*story, *tab)
	}{
		{"an edit crosses, and crosses when a CRM was down", editCrosses},
		{"a failure is found, understood, repaired, replayed and gone", failureHeals},
		{"a record is explained and synchronised", recordExplained},
		{"what people type is text", scriptIsText},
		{"every page is readable and accessible in both themes", pagesLookGood},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			b := newTab(t, parent)
			part.run(&story{T: t, house: s.house, people: s.people, ctx: s.ctx, log: s.log}, b)
			b.clean(hosts...)
		}) {
			return
		}
	}
	t.Run("a page of another site changes nothing", func(t *testing.T) { forgedPost(parent, t, s) })
}

func editCrosses(s *story, b *tab) {
	b.look("light", 1200, 1000)
	b.open(s.DemoURL)
	for i, name := range []string{"Ada Lovelace", "Grace Hopper", "Katherine Johnson"} {
		first, last, _ := strings.Cut(name, " ")
		email := fmt.Sprintf("%s@example.com", strings.ToLower(first))
		b.run(chromedp.Click(`#list-hubspot .add`, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="first_name"]`, first, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="email"]`, email, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="city"]`, []string{"London", "New York", "Hampton"}[i], chromedp.ByQuery))
		b.fill("hubspot", "last_name", last)
		b.crosses("Zoho CRM")
	}
	s.Log("created: " + b.text("#status"))
	b.run(chromedp.WaitReady(`#list-zoho button[aria-pressed="true"]`, chromedp.ByQuery))
	b.fill("zoho", "job_title", "Mathematician")
	b.crosses("HubSpot")
	s.Log("edited in Zoho: " + b.text("#status"))
	b.fill("hubspot", "phone", "+14155550123")
	b.crosses("Zoho CRM")
	s.Log("edited in HubSpot: " + b.text("#status"))

	toggle := func(name string) { b.run(chromedp.Click(`.faults input[name="`+name+`"]`, chromedp.ByQuery)) }
	toggle("zoho_down")
	b.until(`state.faults.zoho_down`)
	b.fill("hubspot", "job_title", "Physicist")
	b.says("comes again")
	if got := b.text("#status"); !strings.Contains(got, "On its way") {
		s.Errorf("while Zoho is down: %q", got)
	}
	toggle("zoho_down")
	b.crosses("Zoho CRM")
	s.Log("after Zoho was down: " + b.text("#status"))
	toggle("duplicates")
	b.until(`state.faults.duplicates`)
	b.fill("hubspot", "city", "Hampton, Virginia")
	b.crosses("Zoho CRM")
	s.rest()
	toggle("duplicates")
	b.until(`!state.faults.duplicates`)
}

// failureHeals repairs a record while its webhook is lost, so that nothing but
// the replay can carry it over.
func failureHeals(s *story, b *tab) {
	ref := s.new(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com", "firstname": "Nameless"}, time.Time{})
	s.new(crm.HubSpot, crm.Contact, values{"email": "another@example.com", "firstname": "Another"}, time.Time{})
	s.rest()
	b.open(s.FunctionsURL + "/Console")
	b.says("2 failures are open")
	b.click("2 failures are open")
	b.says("Zoho CRM requires Last_Name")
	b.click("Zoho CRM requires Last_Name")
	b.says("Replay all 2 of this cause")
	b.run(chromedp.Click(`//tr[contains(., "`+ref.RecordID+`")]//a[contains(., "create contact")]`, chromedp.BySearch))
	b.says("Record that changed")
	b.says("Fill it in on the HubSpot side")
	s.must(s.call(s.ctx, http.MethodPost, s.HubSpotURL+sim.ControlPrefix+"deliveries", sim.Chaos{Lose: 1}, nil))
	s.change(ref, values{"lastname": "Nemo"}, time.Time{})
	s.rest()
	s.must(s.call(s.ctx, http.MethodPost, s.HubSpotURL+sim.ControlPrefix+"deliveries", sim.Chaos{}, nil))
	b.click("Replay")
	b.says("Published for another attempt: 1")
	s.rest()
	b.run(chromedp.Reload())
	b.says("the record was synchronised since")
	b.click("Failures")
	b.says("Open 1")
	s.holds(s.twin(ref), values{"Last_Name": "Nemo"})

	b.run(chromedp.Click(`//input[@data-all]`, chromedp.BySearch), chromedp.SetValue(`select[name="reason"]`, "test_data", chromedp.ByQuery))
	b.click("Dismiss the selected")
	b.says("Dismissed: 1")
	b.says("Nothing is open")
}

func recordExplained(s *story, b *tab) {
	b.open(s.FunctionsURL + "/Console?page=record")
	b.run(chromedp.SetValue("#q", "ada@example.com", chromedp.ByQuery))
	b.click("Look it up")
	b.says("Both sides tell the same.")
	b.says("only this side was edited")
	b.says("What was decided")
	var address string
	b.run(chromedp.Location(&address))
	if strings.Contains(address, "example.com") {
		s.Errorf("the address holds what was searched for: %s", address)
	}
	b.click("Synchronise now")
	b.says("Asked for.")
}

const hostile = `<img src=x onerror=alert(1)><script>alert(2)</script>`

func scriptIsText(s *story, b *tab) {
	ref := s.new(crm.HubSpot, crm.Company, values{"name": hostile, "domain": "hostile.example.com"}, time.Time{})
	s.rest()
	b.open(s.FunctionsURL + "/Console?page=record&ref=" + ref.String())
	b.says(hostile)
	b.open(s.DemoURL)
	b.run(chromedp.Click(`input[value="company"]`, chromedp.ByQuery))
	b.says(hostile)
}

// pagesLookGood looks at every page, in both themes, at a desk and on a phone.
func pagesLookGood(s *story, b *tab) {
	s.new(crm.HubSpot, crm.Contact, values{"email": "no.name@example.com", "firstname": "No", "city": "Oslo"}, time.Time{})
	s.new(crm.HubSpot, crm.Contact, values{"email": "ada@example.com.invalid", "firstname": "Void"}, time.Time{})
	for i := range 12 {
		s.new(crm.HubSpot, crm.Company, values{"name": fmt.Sprintf("Company %d", i), "domain": fmt.Sprintf("company%d.example.com", i)}, time.Time{})
	}
	s.rest()
	ada, err := s.find(s.ctx, crm.HubSpot, crm.Contact, "email", "ada@example.com")
	s.must(err)
	console := s.FunctionsURL + "/Console"
	list, err := http.Get(console + "?page=failures")
	s.must(err)
	failures := readAll(s, list)
	_, id, _ := strings.Cut(failures, `name="id" value="`)
	pages := []struct{ name, url string }{
		{"overview", console}, {"failures", console + "?page=failures"}, {"failure", console + "?page=failure&id=" + id[:32]},
		{"record", console + "?page=record&ref=" + ada[0].String()}, {"mapping", console + "?page=mapping"},
		{"activity", console + "?page=activity"}, {"demo", s.DemoURL},
	}
	for _, p := range pages {
		for _, theme := range []string{"light", "dark"} {
			for size, of := range map[string][2]int64{"desktop": {1200, 900}, "phone": {390, 844}} {
				what := p.name + "-" + size + "-" + theme
				b.look(theme, of[0], of[1])
				b.open(p.url)
				if p.name == "demo" {
					b.run(chromedp.WaitVisible("#paths li", chromedp.ByQuery))
				}
				var wide bool
				b.run(chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth + 1`, &wide))
				if wide {
					s.Errorf("%s is wider than the screen", what)
				}
				b.accessible(what)
				b.shoot(what)
			}
		}
	}
}

func readAll(s *story, res *http.Response) string {
	s.Helper()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		s.Fatal(err)
	}
	return b.String()
}

// forgedPost lets a page of another origin send what the console's own forms
// send, as a site that the operator visits might.
func forgedPost(parent context.Context, t *testing.T, s *story) {
	ref := s.new(crm.HubSpot, crm.Contact, values{"email": "target@example.com", "lastname": "Target"}, time.Time{})
	s.rest()
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<h1>Win a prize</h1><form method="post" action="%s/Console?page=record"><input name="action" value="synchronise"><input name="ref" value="%s"><button>Go</button></form>`, s.FunctionsURL, ref)
	}))
	defer evil.Close()
	b := newTab(t, parent)
	before := strings.Count(s.log.String(), "console action")
	b.open(evil.URL)
	if *axeFile != "" && !strings.Contains(b.violations(), "label") {
		t.Error("axe-core does not find inputs without labels: it finds nothing at all")
	}
	b.run(chromedp.Click("button", chromedp.ByQuery))
	b.says("That was not asked for here")
	s.rest()
	log := s.log.String()
	if strings.Count(log, "console action")-before != 1 || !strings.Contains(log, "console action refused") {
		t.Error("the log does not say that it was refused, once")
	}
	if strings.Contains(log, "target@example.com") {
		t.Error("the log holds an e-mail address")
	}
}
