package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The flags of "make browser-test".
var (
	withBrowser = flag.Bool("browser", false, "drive a browser through the pages")
	axeFile     = flag.String("axe", "", "axe.min.js of axe-core")
	shotsDir    = flag.String("shots", "", "directory for screenshots")
)

// browser finds Chromium. Where it has to be there it is an error not to find it.
func browser(t *testing.T) string {
	t.Helper()
	if !*withBrowser {
		t.Skip("SKIPPED: make browser-test drives a browser through the pages")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CONNECTOR_REQUIRE_BROWSER") != "" {
		t.Fatal("CONNECTOR_REQUIRE_BROWSER is set, and no chromium is installed")
	}
	t.Skip("SKIPPED: NO PAGE WAS TRIED IN A BROWSER: install chromium (apt-get install chromium)")
	return ""
}

// tab is one tab of a browser in which nothing may go wrong.
type tab struct {
	*testing.T
	ctx context.Context

	mu     sync.Mutex
	wrong  []string
	hosts  map[string]bool
	dialog bool

	synced int // edits that arrived on the demo page
}

// newTab opens a tab that records its errors.
func newTab(t *testing.T, parent context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, hosts: map[string]bool{}}
	chromedp.ListenTarget(ctx, b.recordEvent)
	// The first run ties the tab to its context, so it has to be that of the tab.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	// A tab in the background paints nothing.
	b.runActions(network.Enable(), cdplog.Enable(), runtime.Enable(), page.BringToFront())
	return b
}

func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(browser(t)), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	t.Cleanup(cancel)
	allocator, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancelAllocator)
	first, cancelFirst := chromedp.NewContext(allocator)
	t.Cleanup(cancelFirst)
	if err := chromedp.Run(first); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return first
}

func (b *tab) recordEvent(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s %v", e.Type, e.Args))
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError || e.Entry.Level == cdplog.LevelWarning {
			b.wrong = append(b.wrong, "log: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil {
			b.hosts[u.Host] = true
		}
	case *page.EventJavascriptDialogOpening:
		b.dialog = true
	}
}

func (b *tab) runActions(actions ...chromedp.Action) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Text("body", &text))
		b.Fatalf("%v\nthe page says:\n%s", err, text)
	}
}

func (b *tab) openPage(url string) {
	b.Helper()
	b.runActions(chromedp.Navigate(url), chromedp.WaitVisible("main, h1"))
}

// clickText follows a link or presses a button by its text.
func (b *tab) clickText(text string) {
	b.Helper()
	b.runActions(chromedp.Click(fmt.Sprintf(`//main//*[self::a or self::button][contains(normalize-space(.), %q)]`, text), chromedp.BySearch))
}

// waitForText waits until the page shows a text.
func (b *tab) waitForText(text string) {
	b.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		b.Fatal(err)
	}
	b.waitUntil(fmt.Sprintf(`document.body && document.body.innerText.includes(%s)`, quoted))
}

// waitUntil waits until an expression is true. While the tab goes from one page to
// the next there is nothing that could be asked.
func (b *tab) waitUntil(expression string) {
	b.Helper()
	b.runActions(chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			var holds bool
			if err := chromedp.Evaluate(`Boolean(`+expression+`)`, &holds).Do(ctx); err == nil && holds {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("until %s: %w", expression, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}))
}

func (b *tab) readText(selector string) string {
	b.Helper()
	var text string
	b.runActions(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// fillField types a value into a field of a screen of the demo page, and saves.
func (b *tab) fillField(system, field, value string) {
	b.Helper()
	form := "#form-" + system
	b.runActions(chromedp.SetValue(form+` input[name="`+field+`"]`, value, chromedp.ByQuery), chromedp.Click(form+" .save", chromedp.ByQuery))
}

// waitForSync waits until the edit that was made last is on the other side.
func (b *tab) waitForSync(system string) {
	b.Helper()
	b.synced++
	b.waitUntil(fmt.Sprintf(`Number(document.querySelector("#status").dataset.synchronised) === %d`, b.synced))
	b.waitForText("Synchronised to " + system + " in ")
}

// emulateScreen chooses a theme and a size.
func (b *tab) emulateScreen(theme string, width, height int64) {
	b.Helper()
	b.runActions(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}),
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 600))
}

// takeScreenshot takes a picture of what is seen of the page.
func (b *tab) takeScreenshot(name string) {
	b.Helper()
	var png []byte
	b.runActions(chromedp.Evaluate(`window.scrollTo(0, 0)`, nil), chromedp.Sleep(150*time.Millisecond), chromedp.CaptureScreenshot(&png))
	write := func(dir string) {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	if *shotsDir != "" {
		write(*shotsDir)
	}
	if *update && slices.Contains(readmeShots, name) {
		write(filepath.Join("..", "..", "..", "docs", "images"))
	}
}

// readmeShots are the pictures that the README shows.
var readmeShots = []string{"demo-desktop-light", "overview-desktop-light", "record-desktop-dark", "failures-phone-light", "overview-phone-dark"}

// checkAccessible asks axe-core whether the page is accessible to everyone.
func (b *tab) checkAccessible(what string) {
	b.Helper()
	if *axeFile == "" {
		return
	}
	if found := b.listViolations(); found != "" {
		b.Errorf("%s: axe-core finds:\n%s", what, found)
	}
}

func (b *tab) listViolations() string {
	b.Helper()
	axe, err := os.ReadFile(*axeFile)
	if err != nil {
		b.Fatal(err)
	}
	var found string
	b.runActions(chromedp.Evaluate(string(axe)+"\n;0", nil), chromedp.Evaluate(
		`axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join(" | ")).join("\n"))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return found
}

// checkClean fails if anything went wrong or another host received a request.
func (b *tab) checkClean(hosts ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.wrong) > 0 || b.dialog {
		b.Errorf("the browser complains, dialog %t: %s", b.dialog, strings.Join(b.wrong, "\n"))
	}
	for host := range b.hosts {
		if host != "" && !slices.Contains(hosts, host) {
			b.Errorf("a page asked %s", host)
		}
	}
	if len(b.hosts) == 0 {
		b.Error("no request was seen")
	}
}

// hostOf is the host and port of an address.
func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// needAxe says loudly that no page was looked at, or fails where it must be.
func needAxe(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(*axeFile); *axeFile != "" && err == nil {
		return
	} else if *axeFile != "" && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if os.Getenv("CONNECTOR_REQUIRE_BROWSER") != "" {
		t.Fatal("CONNECTOR_REQUIRE_BROWSER is set, and axe-core is not installed")
	}
	*axeFile = ""
	t.Log("SKIPPED: ACCESSIBILITY WAS NOT LOOKED AT: axe-core is not installed (npm)")
}
