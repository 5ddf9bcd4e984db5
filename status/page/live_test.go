package page

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// listen opens a connection that is kept up to date, and hands over what it is told.
func listen(t *testing.T, url string) <-chan news {
	t.Helper()
	return listenBy(t, http.DefaultClient, url)
}

func listenBy(t *testing.T, client *http.Client, url string) <-chan news {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%d %s", answer.StatusCode, got)
	}
	out := make(chan news, 10)
	go func() {
		defer close(out)
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			var n news
			if text, is := strings.CutPrefix(lines.Text(), "data: "); is && json.Unmarshal([]byte(text), &n) == nil {
				out <- n
			}
		}
	}()
	return out
}

// seqOf is which state of the board the overview shows.
func seqOf(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	html, err := io.ReadAll(answer.Body)
	found := regexp.MustCompile(`data-seq="([^"]+)"`).FindSubmatch(html)
	if err != nil || found == nil {
		t.Fatalf("%v %s", err, html)
	}
	return string(found[1])
}

func next(t *testing.T, from <-chan news) news {
	t.Helper()
	select {
	case n, open := <-from:
		if !open {
			t.Fatal("the connection has ended")
		}
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is told")
	}
	return news{}
}

// TestPagesAreToldWhatIsNew, also after the time that the server gives to answers, which are shorter.
func TestPagesAreToldWhatIsNew(t *testing.T) {
	w := newWorld()
	w.cluster("eu-1", "eu")
	it := w.provider("eu-1", "frankfurt", 0, "blue")
	w.report()
	end := make(chan struct{})
	site := w.site(end)
	server := httptest.NewUnstartedServer(site)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)

	seq := seqOf(t, server.URL)
	told := listen(t, server.URL+"/live?of=%2F%3Fgroup%3Dcluster&since="+seq)
	if n := next(t, told); len(n.Rows)+len(n.Gone)+len(n.Parts) > 0 || n.Reset {
		t.Errorf("what the page has is told again: %+v", n)
	}
	time.Sleep(time.Second)
	w.put(it, nil)
	w.report()
	n := next(t, told)
	if len(n.Rows) != 1 || n.Rows[0].New || !strings.Contains(n.Rows[0].HTML, ">Ready<") || n.Rows[0].Group != "eu-1" || n.Parts["summary"] == "" {
		t.Errorf("Ready: %+v", n)
	}
	w.provider("eu-1", "berlin", 0)
	w.provider("eu-1", "munich", 0)
	w.report()
	n = next(t, told)
	if len(n.Rows) != 2 || !n.Rows[0].New || n.Rows[0].After != "" || n.Rows[1].After != "frankfurt" {
		t.Errorf("two are new: %+v", n)
	}
	w.Want.Items = w.Want.Items[:1]
	delete(w.Want.Providers, "berlin")
	delete(w.Want.Providers, "munich")
	w.report()
	if n = next(t, told); strings.Join(n.Gone, " ") != "berlin munich" {
		t.Errorf("two are gone: %+v", n)
	}
	for what, since := range map[string]string{"another process": "abc-7", "nothing": ""} {
		if n := next(t, listen(t, server.URL+"/live?of=%2F&since="+since)); !n.Reset {
			t.Errorf("a page of %s is not loaded anew", what)
		}
	}
	page := listen(t, server.URL+"/live?of=%2Fproviders%2Ffrankfurt&since="+seq)
	if n := next(t, page); !strings.Contains(n.Parts["live"], "Ready") {
		t.Errorf("what is old of a page is not made new: %+v", n)
	}
	w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "ImagePullBackOff" })
	w.report()
	if n := next(t, page); !strings.Contains(n.Parts["live"], "ImagePullBackOff") {
		t.Errorf("Error: %+v", n)
	}
	close(end)
	for range told {
	}
	for range page {
	}
}

// TestPagesAreToldOverTLS: HTTP/2, which that brings, ends no connection while nothing is told.
func TestPagesAreToldOverTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for longer than anything may take")
	}
	w := newWorld()
	w.cluster("eu-1", "eu")
	w.report()
	end := make(chan struct{})
	server := httptest.NewUnstartedServer(w.site(end))
	server.EnableHTTP2, server.Config.ReadTimeout, server.Config.WriteTimeout = true, time.Second, time.Second
	server.StartTLS()
	t.Cleanup(server.Close)
	told := listenBy(t, server.Client(), server.URL+"/live?of=/clusters")
	next(t, told)
	time.Sleep(liveTime + 2*time.Second)
	w.in("eu-1", func(c *reconcile.ClusterLive) { c.Version = "v1.99.0" })
	w.report()
	if n := next(t, told); !strings.Contains(n.Parts["live"], "v1.99.0") {
		t.Errorf("%+v", n)
	}
	close(end)
}

// TestPagesComeBackSoon: files may change at any time, which ends connections for who had them to be asked anew.
func TestPagesComeBackSoon(t *testing.T) {
	w := newWorld()
	w.report()
	end := make(chan struct{})
	close(end)
	server := httptest.NewServer(w.site(end))
	t.Cleanup(server.Close)
	answer, err := http.Get(server.URL + "/live?of=/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.HasPrefix(string(body), "retry: 500\n\n") {
		t.Errorf("%v %s", err, body)
	}
}

func TestOnlySoManyPagesAreKeptUpToDate(t *testing.T) {
	w := newWorld()
	w.report()
	site := newSite(w.web, nil)
	site.lives.all = maxLives // no place
	out := httptest.NewRecorder()
	site.live(out, httptest.NewRequest(http.MethodGet, "/live?of=/", nil))
	if out.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", out.Code)
	}
	for _, of := range []string{"", "http://elsewhere/", "nothing"} {
		site.lives.all = 0
		out = httptest.NewRecorder()
		site.live(out, httptest.NewRequest(http.MethodGet, "/live?of="+of, nil))
		if out.Code != http.StatusBadRequest {
			t.Errorf("of %q: %d", of, out.Code)
		}
	}
}
