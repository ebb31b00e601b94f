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

// TestBrowser drives Chromium through the tasks that people do with the pages.
func TestBrowser(t *testing.T) {
	parent := startBrowser(t)
	needAxe(t)
	s := newScenario(t)
	hosts := []string{hostOf(t, s.FunctionsURL), hostOf(t, s.DemoURL)}
	for _, part := range []struct {
		name string
		run  func(*scenario, *tab)
	}{
		{"an edit arrives, also after a CRM was down", editCrosses},
		{"a failure is found, understood, repaired, replayed and gone", failureHeals},
		{"a record is explained and synchronised", recordExplained},
		{"typed values are shown as text", scriptIsText},
		{"every page is readable and accessible in both themes", pagesLookGood},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			b := newTab(t, parent)
			part.run(&scenario{T: t, localStack: s.localStack, crmUsers: s.crmUsers, ctx: s.ctx, log: s.log}, b)
			b.checkClean(hosts...)
		}) {
			return
		}
	}
	t.Run("a page of another site changes nothing", func(t *testing.T) { forgedPost(parent, t, s) })
}

func editCrosses(s *scenario, b *tab) {
	b.emulateScreen("light", 1200, 1000)
	b.openPage(s.DemoURL)
	for i, name := range []string{"Ada Lovelace", "Grace Hopper", "Katherine Johnson"} {
		first, last, _ := strings.Cut(name, " ")
		email := fmt.Sprintf("%s@example.com", strings.ToLower(first))
		b.runActions(chromedp.Click(`#list-hubspot .add`, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="first_name"]`, first, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="email"]`, email, chromedp.ByQuery),
			chromedp.SetValue(`#form-hubspot input[name="city"]`, []string{"London", "New York", "Hampton"}[i], chromedp.ByQuery))
		b.fillField("hubspot", "last_name", last)
		b.waitForSync("Zoho CRM")
	}
	s.Log("created: " + b.readText("#status"))
	b.runActions(chromedp.WaitReady(`#list-zoho button[aria-pressed="true"]`, chromedp.ByQuery))
	b.fillField("zoho", "job_title", "Mathematician")
	b.waitForSync("HubSpot")
	s.Log("edited in Zoho: " + b.readText("#status"))
	b.fillField("hubspot", "phone", "+14155550123")
	b.waitForSync("Zoho CRM")
	s.Log("edited in HubSpot: " + b.readText("#status"))

	toggle := func(name string) { b.runActions(chromedp.Click(`.faults input[name="`+name+`"]`, chromedp.ByQuery)) }
	toggle("zoho_down")
	b.waitUntil(`state.faults.zoho_down`)
	b.fillField("hubspot", "job_title", "Physicist")
	b.waitForText("retrying")
	if got := b.readText("#status"); !strings.Contains(got, "Synchronising") {
		s.Errorf("while Zoho is down: %q", got)
	}
	toggle("zoho_down")
	b.waitForSync("Zoho CRM")
	s.Log("after Zoho was down: " + b.readText("#status"))
	toggle("duplicates")
	b.waitUntil(`state.faults.duplicates`)
	b.fillField("hubspot", "city", "Hampton, Virginia")
	b.waitForSync("Zoho CRM")
	s.awaitIdle()
	toggle("duplicates")
	b.waitUntil(`!state.faults.duplicates`)
}

// failureHeals repairs a record while its webhook is lost, so that nothing but
// the replay can carry it over.
func failureHeals(s *scenario, b *tab) {
	ref := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com", "firstname": "Nameless"}, time.Time{})
	s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "another@example.com", "firstname": "Another"}, time.Time{})
	s.awaitIdle()
	b.openPage(s.FunctionsURL + "/Console")
	b.waitForText("2 failures are open")
	b.clickText("2 failures are open")
	b.waitForText("Zoho CRM requires Last_Name")
	b.clickText("Zoho CRM requires Last_Name")
	b.waitForText("Replay all 2 of this cause")
	b.runActions(chromedp.Click(`//tr[contains(., "`+ref.RecordID+`")]//a[contains(., "create contact")]`, chromedp.BySearch))
	b.waitForText("Record that changed")
	b.waitForText("Fill it in on the HubSpot side")
	s.must(s.callControl(s.ctx, http.MethodPost, s.HubSpotURL+sim.ControlPrefix+"deliveries", sim.Chaos{Lose: 1}, nil))
	s.mustEdit(ref, values{"lastname": "Nemo"}, time.Time{})
	s.awaitIdle()
	s.must(s.callControl(s.ctx, http.MethodPost, s.HubSpotURL+sim.ControlPrefix+"deliveries", sim.Chaos{}, nil))
	b.clickText("Replay")
	b.waitForText("Published for another attempt: 1")
	s.awaitIdle()
	b.runActions(chromedp.Reload())
	b.waitForText("the record was synchronised since")
	b.clickText("Failures")
	b.waitForText("Open 1")
	s.checkValues(s.findCounterpart(ref), values{"Last_Name": "Nemo"})

	b.runActions(chromedp.Click(`//input[@data-all]`, chromedp.BySearch), chromedp.SetValue(`select[name="reason"]`, "test_data", chromedp.ByQuery))
	b.clickText("Dismiss the selected")
	b.waitForText("Dismissed: 1")
	b.waitForText("No failure is open")
}

func recordExplained(s *scenario, b *tab) {
	b.openPage(s.FunctionsURL + "/Console?page=record")
	b.runActions(chromedp.SetValue("#q", "ada@example.com", chromedp.ByQuery))
	b.clickText("Look it up")
	b.waitForText("Both sides are in sync.")
	b.waitForText("only this side was edited")
	b.waitForText("Decisions")
	var address string
	b.runActions(chromedp.Location(&address))
	if strings.Contains(address, "example.com") {
		s.Errorf("the address holds the searched text: %s", address)
	}
	b.clickText("Synchronise now")
	b.waitForText("The synchronisation is requested")
}

const hostile = `<img src=x onerror=alert(1)><script>alert(2)</script>`

func scriptIsText(s *scenario, b *tab) {
	ref := s.mustCreate(crm.HubSpot, crm.Company, values{"name": hostile, "domain": "hostile.example.com"}, time.Time{})
	s.awaitIdle()
	b.openPage(s.FunctionsURL + "/Console?page=record&ref=" + ref.String())
	b.waitForText(hostile)
	b.openPage(s.DemoURL)
	b.runActions(chromedp.Click(`input[value="company"]`, chromedp.ByQuery))
	b.waitForText(hostile)
}

// pagesLookGood looks at every page, in both themes, on a desktop and on a phone.
func pagesLookGood(s *scenario, b *tab) {
	s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "no.name@example.com", "firstname": "No", "city": "Oslo"}, time.Time{})
	s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "ada@example.com.invalid", "firstname": "Void"}, time.Time{})
	for i := range 12 {
		s.mustCreate(crm.HubSpot, crm.Company, values{"name": fmt.Sprintf("Company %d", i), "domain": fmt.Sprintf("company%d.example.com", i)}, time.Time{})
	}
	s.awaitIdle()
	ada, err := s.findRecords(s.ctx, crm.HubSpot, crm.Contact, "email", "ada@example.com")
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
				b.emulateScreen(theme, of[0], of[1])
				b.openPage(p.url)
				if p.name == "demo" {
					b.runActions(chromedp.WaitVisible("#paths li", chromedp.ByQuery))
				}
				var wide bool
				b.runActions(chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth + 1`, &wide))
				if wide {
					s.Errorf("%s is wider than the screen", what)
				}
				b.checkAccessible(what)
				b.takeScreenshot(what)
			}
		}
	}
}

func readAll(s *scenario, res *http.Response) string {
	s.Helper()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		s.Fatal(err)
	}
	return b.String()
}

// forgedPost lets a page of another origin send what the console's own forms
// send, as a site that the operator visits might.
func forgedPost(parent context.Context, t *testing.T, s *scenario) {
	ref := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "target@example.com", "lastname": "Target"}, time.Time{})
	s.awaitIdle()
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<h1>Win a prize</h1><form method="post" action="%s/Console?page=record"><input name="action" value="synchronise"><input name="ref" value="%s"><button>Go</button></form>`, s.FunctionsURL, ref)
	}))
	defer evil.Close()
	b := newTab(t, parent)
	before := strings.Count(s.log.String(), "console action")
	b.openPage(evil.URL)
	if *axeFile != "" && !strings.Contains(b.listViolations(), "label") {
		t.Error("axe-core does not find inputs without labels: it finds nothing at all")
	}
	b.runActions(chromedp.Click("button", chromedp.ByQuery))
	b.waitForText("Request refused")
	s.awaitIdle()
	log := s.log.String()
	if strings.Count(log, "console action")-before != 1 || !strings.Contains(log, "console action refused") {
		t.Error("the log does not say that it was refused, once")
	}
	if strings.Contains(log, "target@example.com") {
		t.Error("the log holds an e-mail address")
	}
}
