package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// shown are the names of the rows that are to be seen.
const shown = `[...document.querySelectorAll("tr.row")].filter(r => r.checkVisibility()).map(r => r.dataset.name).join(" ")`

func TestExpandAndFilter(t *testing.T) {
	b := browse(t, colourful())
	b.open("/")
	if got := js[string](b, shown); got != "austin boston built-in frankfurt lisbon munich paris sydney" {
		t.Errorf("there are %s", got)
	}
	b.run(chromedp.Click(`#p-munich .toggle`, chromedp.ByQuery), chromedp.WaitVisible(`#d-munich .says`, chromedp.ByQuery))
	if got := js[string](b, `document.querySelector("#d-munich .says").innerText`); !strings.Contains(got, "ImagePullBackOff") {
		t.Errorf("what fails is not told: %s", got)
	}
	for _, want := range []string{"helm upgrade: timed out", "providers/eu-1.yaml:2", "reconcile explain munich", "/commit/" + earlier} {
		if !strings.Contains(js[string](b, `document.querySelector("#d-munich").innerHTML`), want) {
			t.Errorf("details do not have %q", want)
		}
	}
	b.run(chromedp.Click(`#p-munich .toggle`, chromedp.ByQuery))
	b.within(time.Second, "the row is folded", `!document.querySelector("#d-munich")`)

	b.run(chromedp.SendKeys(`input[name=q]`, "eu- ready", chromedp.ByQuery))
	if got := js[string](b, shown); got != "frankfurt paris" {
		t.Errorf("eu- ready: %s", got)
	}
	b.fill("")
	b.run(chromedp.Click(`#summary a[data-status=Error]`, chromedp.ByQuery))
	if got := js[string](b, shown); got != "austin boston munich sydney" {
		t.Errorf("in Error: %s", got)
	}
	if got := js[string](b, `location.search + " " + document.querySelector("#shown").textContent`); got != "?status=Error 4 of 8" {
		t.Errorf("the address and count are %s", got)
	}
	b.open("/?group=region&sort=status&dir=down") // by loading
	if got := js[string](b, `[...document.querySelectorAll("tr.group")].map(r => r.innerText.replace(/\s+/g, " ").trim()).join("; ")`); got !=
		"region eu-central 2 of 2; region eu-west 2 of 2; region home 1 of 1; region us-east 3 of 3" {
		t.Errorf("the groups are %s", got)
	}
}

// TestItStaysUpToDate: a provider comes up and breaks, another comes and goes, and nobody loads the page anew.
func TestItStaysUpToDate(t *testing.T) {
	w := newWorld()
	w.cluster("eu-1", "eu")
	it := w.provider("eu-1", "frankfurt", 0, "blue")
	b := browse(t, w)
	b.open("/")
	js[bool](b, `window.mark = true`)
	is := func(label string) {
		t.Helper()
		b.within(2*time.Second, "it is "+label, fmt.Sprintf(`document.querySelector("#p-frankfurt .badge").textContent === %q`, label))
	}
	is("Pending")
	b.run(chromedp.Click(`#p-frankfurt .toggle`, chromedp.ByQuery), chromedp.WaitVisible(`#d-frankfurt .card`, chromedp.ByQuery))
	b.run(chromedp.Focus(`#p-frankfurt .toggle`, chromedp.ByQuery))
	w.put(it, nil)
	w.report()
	is("Ready")
	w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "ImagePullBackOff" })
	w.report()
	is("Error")
	b.within(2*time.Second, "the details say why", `document.querySelector("#d-frankfurt").innerText.includes("ImagePullBackOff")`)
	b.within(2*time.Second, "it is said aloud", `document.querySelector("#announce").textContent.includes("frankfurt is Error")`)
	if !js[bool](b, `document.activeElement.matches("#p-frankfurt .toggle")`) {
		t.Error("the focus is lost")
	}
	w.provider("eu-1", "berlin", 0)
	w.report()
	b.within(2*time.Second, "another is there, in its place", shown+` === "berlin built-in frankfurt"`)
	w.Want.Items = w.Want.Items[:1]
	delete(w.Want.Providers, "berlin")
	w.report()
	b.within(2*time.Second, "it is gone", shown+` === "built-in frankfurt"`)
	if !js[bool](b, `window.mark === true`) {
		t.Error("the page was loaded anew")
	}

	b.open("/providers/frankfurt")
	js[bool](b, `window.mark = true`)
	w.put(it, nil)
	w.report()
	b.within(2*time.Second, "its own page says that it is Ready", `document.querySelector("h1 .badge").textContent === "Ready" && window.mark`)
	b.open("/clusters")
	w.in("eu-1", func(c *reconcile.ClusterLive) { c.Reachable, c.Err = false, "gone fishing" })
	w.report()
	b.within(2*time.Second, "the page of clusters says that one is gone", `document.querySelector("#c-eu-1").innerText.includes("gone fishing")`)
}

func TestTwoThousandProvidersInABrowser(t *testing.T) {
	w := crowd(2000)
	b := browse(t, w)
	b.open("/") // Chromium itself comes up meanwhile
	b.open("/")
	b.within(5*time.Second, "there is a first paint", `performance.getEntriesByName("first-contentful-paint").length > 0`)
	paint := millis(js[float64](b, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
	t.Logf("first paint after %s", paint)
	if paint > atMost(time.Second) {
		t.Errorf("first paint after %s", paint)
	}
	type pause struct{ Script, Frame float64 }
	for _, text := range []string{"provider-1", "provider-19", "crashloop", "", "blue region-3", "nothing of this"} {
		got := pause{}
		b.run(chromedp.Evaluate(fmt.Sprintf(`new Promise(done => {
			const input = document.querySelector("input[name=q]"), began = performance.now();
			input.value = %q;
			input.dispatchEvent(new Event("input", {bubbles: true}));
			const script = performance.now() - began;
			requestAnimationFrame(() => setTimeout(() => done({Script: script, Frame: performance.now() - began})));
		})`, text), &got, awaited))
		t.Logf("%q: %s rows, script %.0f ms, on the screen after %.0f ms", text, js[string](b, `document.querySelector("#shown").textContent`), got.Script, got.Frame)
		if millis(got.Frame) > atMost(300*time.Millisecond) {
			t.Errorf("filtering by %q takes %.0f ms", text, got.Frame)
		}
	}
	b.fill("")
	it := w.Want.Items[1000]
	w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "broken of late" })
	w.report()
	b.within(2*time.Second, "a change is seen", fmt.Sprintf(`document.querySelector("#p-%s").textContent.includes("broken of late")`, it.Provider))
}

func millis(n float64) time.Duration {
	return time.Duration(n * float64(time.Millisecond)).Round(time.Millisecond)
}

func TestKeyboardAlone(t *testing.T) {
	b := browse(t, colourful())
	b.open("/")
	press := func(keys ...string) {
		t.Helper()
		for _, key := range keys {
			b.run(chromedp.KeyEvent(key))
		}
	}
	active := func(selector string) {
		t.Helper()
		if !js[bool](b, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			t.Fatalf("the focus is on %s, not on %s", js[string](b, `document.activeElement.outerHTML.slice(0, 200)`), selector)
		}
	}
	press(kb.Tab)
	active(".skip")
	press("/")
	active("input[name=q]")
	press(kb.Backspace) // the driver types it as well, which a keyboard does not
	press("m", "u", "n")
	if got := js[string](b, shown); !strings.Contains(got, "munich") || strings.Contains(got, "boston") {
		t.Errorf("there are %s", got)
	}
	for i := 0; i < 30 && !js[bool](b, `document.activeElement.matches("#p-munich .toggle")`); i++ {
		press(kb.Tab)
	}
	active("#p-munich .toggle")
	outline := js[string](b, `getComputedStyle(document.activeElement).outlineStyle`)
	if outline == "none" {
		t.Error("nobody sees where the focus is")
	}
	press(kb.Enter)
	b.within(2*time.Second, "it is expanded", `!!document.querySelector("#d-munich .card") && document.activeElement.getAttribute("aria-expanded") === "true"`)
	press(" ")
	b.within(2*time.Second, "it is folded", `!document.querySelector("#d-munich")`)
	press(kb.Tab)
	active(`a[href="/providers/munich"]`)
	press(kb.Enter)
	b.within(5*time.Second, "its page is there", `location.pathname === "/providers/munich"`)
}

func TestWithoutJavaScript(t *testing.T) {
	b := browse(t, colourful())
	b.run(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(b.base+"/?group=cluster"))
	b.run(chromedp.SendKeys(`input[name=q]`, "eu-1", chromedp.ByQuery), chromedp.Click(`.apply`, chromedp.ByQuery), chromedp.WaitReady(`#clear:not([hidden])`, chromedp.ByQuery))
	if got := js[string](b, shown); got != "frankfurt munich lisbon" { // which waits for munich
		t.Errorf("eu-1: %s", got)
	}
	b.run(chromedp.Click(`#p-munich .toggle`, chromedp.ByQuery), chromedp.WaitVisible(`#d-munich .card`, chromedp.ByQuery))
	if got := js[string](b, shown); got != "frankfurt munich lisbon" {
		t.Errorf("expanded, eu-1: %s", got)
	}
	b.run(chromedp.Click(`#p-munich .toggle`, chromedp.ByQuery), chromedp.WaitNotPresent(`#d-munich`, chromedp.ByQuery))
}

// looks are all pages, by name.
var looks = map[string]string{
	"overview": "/", "expanded": "/?open=munich", "grouped": "/?group=region&sort=status", "provider": "/providers/munich", "cordoned": "/providers/frankfurt",
	"clusters": "/clusters", "rollout": "/rollout", "organizations": "/organizations", "organization": "/organizations/blue",
	"revisions": "/revisions", "revision": "/revisions/" + revision, "request": "/revisions/beefbeef", "missing": "/nowhere",
}

// TestEverybodyCanReadIt has axe-core look at every page, light and dark, wide and narrow.
func TestEverybodyCanReadIt(t *testing.T) {
	axe, err := os.ReadFile("../../bin/npm/node_modules/axe-core/axe.min.js")
	kubetest.Need(t, "axe-core", err == nil, "browser")
	w := eventful()
	b := browse(t, w)
	w.act(w.Want.Items[1], reconcile.OpUpdate, nil) // munich
	w.act(w.Want.Items[3], reconcile.OpUpdate, errors.New("helm upgrade coder/lisbon: timed out"))
	for name, path := range looks {
		b.look(string(axe), name, path, ".pulse.on")
	}
	b.expect(looks["missing"]) // which is not there
}

// TestEverybodyCanReadThatItStarts looks at the page before anything was looked at.
func TestEverybodyCanReadThatItStarts(t *testing.T) {
	axe, err := os.ReadFile("../../bin/npm/node_modules/axe-core/axe.min.js")
	kubetest.Need(t, "axe-core", err == nil, "browser")
	end := make(chan struct{})
	b := browse(t, colourful(), func(string, http.Handler) http.Handler { return newWorld().site(end) })
	t.Cleanup(func() { close(end) })
	b.look(string(axe), "waiting", "/", "main h1")
	b.expect("503")
}

// look takes pictures of a page, light and dark, wide and narrow, once something is there, and has axe-core look at it.
func (b *browser) look(axe, name, path, there string) {
	b.Helper()
	for _, how := range []struct {
		scheme string
		width  int64
	}{{"light", 1440}, {"dark", 1440}, {"light", 390}, {"dark", 390}} {
		b.scheme(how.scheme)
		b.run(chromedp.EmulateViewport(how.width, 900), chromedp.Navigate(b.base+path), chromedp.WaitReady(there, chromedp.ByQuery))
		b.shoot(fmt.Sprintf("%s-%s-%d", name, how.scheme, how.width))
		b.readable(axe, fmt.Sprintf("%s, %s, %d", name, how.scheme, how.width), how.width)
	}
}

// readable has axe-core look at a page, which is to fit a screen.
func (b *browser) readable(axe, where string, width int64) {
	b.Helper()
	if wide := js[int64](b, `document.documentElement.scrollWidth`); wide > width {
		b.Errorf("%s: it is %d wide", where, wide)
	}
	if cut := js[int](b, `[...document.querySelectorAll(".bar nav")].filter(e => e.scrollWidth > e.clientWidth).length`); cut > 0 {
		b.Errorf("%s: where one can go is cut off", where)
	}
	if cut := js[string](b, `[...document.querySelectorAll(".card .scroll")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.getAttribute("aria-label")).join(", ")`); cut != "" && width > 1000 {
		b.Errorf("%s: one has to scroll sideways in %s", where, cut)
	}
	var found string
	b.run(chromedp.Evaluate(axe+"; void 0", nil), chromedp.Evaluate(
		`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help,
		nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`, &found, awaited))
	report(b.T, where, found)
}

// report tells what axe-core found.
func report(t *testing.T, where, found string) {
	t.Helper()
	var all []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		text := fmt.Sprintf("%s: %s (%s): %s\n%s", where, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
		if v.Impact == "serious" || v.Impact == "critical" {
			t.Error(text)
		} else {
			t.Log(text)
		}
	}
}
