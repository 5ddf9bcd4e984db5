package page

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// browser is a Chromium that looks at the pages of a world. Whatever it asks of another host, and whatever it finds
// wrong with a page, fails the test.
type browser struct {
	*testing.T
	*world
	ctx    context.Context
	base   string
	abroad string // where else it may go

	mu    sync.Mutex // guards what follows
	asked []string   // hosts that are not ours
	wrong []string   // what the console says
}

// browse starts a Chromium for the pages of a world, which everybody sees unless something is put before them.
func browse(t *testing.T, w *world, before ...func(url string, pages http.Handler) http.Handler) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	path, err := exec.LookPath("chromium")
	kubetest.Need(t, "Chromium", err == nil, "browser")
	w.report()
	end := make(chan struct{})
	pages := w.site(end)
	server := httptest.NewUnstartedServer(nil)
	for _, put := range before {
		pages = put("http://"+server.Listener.Addr().String(), pages)
	}
	server.Config.Handler = pages
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(end) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1440, 900),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.WSURLReadTimeout(time.Minute))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which Chromium does not do as root
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b := &browser{T: t, world: w, ctx: ctx, base: server.URL}
	chromedp.ListenTarget(ctx, b.hear)
	b.run(network.Enable(), log.Enable(), runtime.Enable())
	t.Cleanup(b.judge)
	return b
}

// hear notes what the browser asks for and what is wrong.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || "http://"+u.Host != b.base && "http://"+u.Host != b.abroad {
			b.asked = append(b.asked, e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			b.wrong = append(b.wrong, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, e.ExceptionDetails.Error())
	}
}

// expect takes what was wrong as it should be, if it has one of these texts.
func (b *browser) expect(texts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = slices.DeleteFunc(b.wrong, func(said string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(said, text) })
	})
}

// judge fails the test if something was asked elsewhere, or was wrong.
func (b *browser) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.asked {
		b.Errorf("the page asked for %s", url)
	}
	for _, text := range b.wrong {
		b.Errorf("the browser says: %s", text)
	}
}

// run does things in order.
func (b *browser) run(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// open goes to a page and waits until its script runs.
func (b *browser) open(path string) {
	b.Helper()
	b.run(chromedp.Navigate(b.base+path), chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
}

// js is the value of an expression in the page.
func js[T any](b *browser, expression string) (out T) {
	b.Helper()
	b.run(chromedp.Evaluate(expression, &out))
	return out
}

// fill replaces what stands in the field of the filter.
func (b *browser) fill(text string) {
	b.Helper()
	js[bool](b, fmt.Sprintf(`(() => {
		const field = document.querySelector("input[name=q]");
		field.value = %q;
		return field.dispatchEvent(new Event("input", {bubbles: true}));
	})()`, text))
}

// atMost is the time that something may take: as long as is asked for where RECONCILE_TEST_TIMED is set, as by make
// timed on a machine that does nothing else, and else so much longer that only what hangs takes it.
func atMost(limit time.Duration) time.Duration {
	if os.Getenv("RECONCILE_TEST_TIMED") == "" {
		return 30 * limit
	}
	return limit
}

// within waits until an expression is true, for so long at most.
func (b *browser) within(limit time.Duration, what, expression string) {
	b.Helper()
	began := time.Now()
	for !js[bool](b, expression) {
		if time.Since(began) > atMost(limit) {
			b.shoot("failed")
			b.Fatalf("waited %s in vain until %s", atMost(limit), what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond))
}

// shoot keeps a picture of the page in the directory that SCREENSHOTS names, for somebody to look at.
func (b *browser) shoot(name string) {
	b.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	js[int](b, `[...document.querySelectorAll(".row, .wave")].map(e => e.style.contentVisibility = "visible").length`) // in the picture all is in sight
	b.run(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}

// scheme makes the system be light or dark.
func (b *browser) scheme(name string) {
	b.Helper()
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}))
}

// awaited waits for a promise.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
