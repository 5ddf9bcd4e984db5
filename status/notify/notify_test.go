package notify

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// text is what a chat shows.
func (p post) text(t *testing.T) string {
	t.Helper()
	var body struct{ Text string }
	if err := json.Unmarshal([]byte(p.body), &body); err != nil {
		t.Fatalf("%v\n%s", err, p.body)
	}
	return body.Text
}

// An incident is told once when it begins and once when it has ended, however often it is seen in between.
func TestOneMessageForAnIncidentAndOneForItsEnd(t *testing.T) {
	chat, web, creds, both := hooked(t)
	n := start(t, quick(creds, both...))
	w := newWorld("frankfurt", "munich")
	w.health("frankfurt", reconcile.Unhealthy, "container envproxy: ImagePullBackOff <!channel>")
	n.Report(w.report())
	begin := chat.next(t).text(t)
	if want := "*Error*: eu/frankfurt is in Error\n> container envproxy: ImagePullBackOff &lt;!channel&gt;\n"; !strings.HasPrefix(begin, want) {
		t.Errorf("it began with %q, want %q", begin, want)
	}
	began := web.next(t).incidents(t)
	for range 3 {
		n.Report(w.report())
	}
	w.health("frankfurt", reconcile.Progressing, "") // it is tried again, and not well yet
	n.Report(w.report())
	w.health("frankfurt", reconcile.Healthy, "")
	n.Report(w.report())
	if end := chat.next(t).text(t); !strings.HasPrefix(end, "*Recovered*: eu/frankfurt is well again, after 0s\n") {
		t.Errorf("it ended with %q", end)
	}
	ended := web.next(t).incidents(t)
	if len(began) != 1 || len(ended) != 1 || began[0].ID != ended[0].ID || began[0].State != "begun" || ended[0].State != "ended" {
		t.Errorf("began %+v\nended %+v", began, ended)
	}
	n.stop()
	chat.silent(t)
	web.silent(t)
}

// Whoever can write what a pod says cannot call everybody, in Slack or in what takes its webhooks.
func TestAMessageCallsNobody(t *testing.T) {
	n := news{Incident: Incident{
		Event: Error, Title: "eu/frankfurt is in Error", Message: "@all, <!channel>, @here: [help](https://example.com) of ada@example.com",
	}}
	want := "*Error*: eu/frankfurt is in Error\n> @\u200ball, &lt;!channel&gt;, @\u200bhere: [help]\u200b(https://example.com) of ada@\u200bexample.com"
	if got := n.line(time.Now()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	n.Over, n.ended = "@all is well", true
	if got := n.line(n.Began); got != "*Recovered*: @\u200ball is well, after 0s" {
		t.Errorf("got %q", got)
	}
}

// What was begun and ended is on the wire in this order: a receiver that fails is told until it takes it, and hears of
// nothing twice.
func TestAReceiverThatFailsIsToldLater(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"500", code(500), "it answered 500"},
		{"503", code(503), "it answered 503"},
		{"429", code(429), "it answered 429"},
		{"404", code(404), "it answered 404"},
		{"redirect", func(out http.ResponseWriter, in *http.Request) {
			http.Redirect(out, in, "https://elsewhere.example.com/?token=s3cr3t", http.StatusTemporaryRedirect)
		}, "no redirect is followed"},
		{"breaks off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			chat, _, creds, both := hooked(t)
			var log logged
			o := quick(creds, both[0])
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			n := start(t, o)
			chat.answers(test.answer)
			w := newWorld("frankfurt")
			w.health("frankfurt", reconcile.Unhealthy, "no image")
			n.Report(w.report())
			first := chat.next(t)
			if again := chat.next(t); again.body != first.body {
				t.Errorf("first %s\nthen %s", first.body, again.body)
			}
			chat.answers(nil)
			chat.next(t)
			w.health("frankfurt", reconcile.Healthy, "")
			n.Report(w.report())
			for text := ""; !strings.HasPrefix(text, "*Recovered*"); {
				text = chat.next(t).text(t) // what was on the wire may come before
			}
			n.stop()
			chat.silent(t)
			if said := log.String(); strings.Count(said, test.says) != 1 || !strings.Contains(said, "delivered again") || strings.Contains(said, "s3cr3t") {
				t.Errorf("the log says\n%s", said)
			}
		})
	}
}

// Retry-After counts.
func TestAReceiverThatAsksForTimeIsGivenIt(t *testing.T) {
	n := New(quick(nil))
	for value, from := range map[string]time.Duration{"": 5 * time.Millisecond, "7": 7 * time.Second, "x": 5 * time.Millisecond, "99999": maxSilence} {
		rec := httptest.NewRecorder()
		rec.Header().Set("Retry-After", value)
		rec.WriteHeader(http.StatusTooManyRequests)
		if got := n.delay(judge(rec.Result()), 0); got < from || got > from+from/4+1 {
			t.Errorf("Retry-After %q: %s, want %s and a little", value, got, from)
		}
	}
	if got := n.delay(errors.New("down"), 50); got < maxDelay || got > maxDelay*5/4+1 {
		t.Errorf("after 50 tries: %s", got)
	}
}

// A receiver that does not answer, and one that is not there, delay nobody.
func TestADeadReceiverDelaysNothing(t *testing.T) {
	chat, web, creds, both := hooked(t)
	release := make(chan struct{})
	chat.answers(func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	gone := httptest.NewServer(http.NotFoundHandler())
	creds["notify/gone"] = &fstest.MapFile{Data: []byte(gone.URL)}
	gone.Close()
	n := start(t, quick(creds, append(both, Receiver{Name: "gone", Kind: Slack, Secret: "gone"})...))
	w := newWorld("frankfurt")
	for range 5 {
		w.health("frankfurt", reconcile.Unhealthy, "no image")
		n.Report(w.report())
		if got := web.next(t).incidents(t); got[0].State != "begun" {
			t.Fatalf("%+v", got)
		}
		w.health("frankfurt", reconcile.Healthy, "")
		n.Report(w.report())
		if got := web.next(t).incidents(t); got[0].State != "ended" {
			t.Fatalf("%+v", got)
		}
	}
	chat.next(t)
	chat.silent(t)
}

// A receiver that comes back hears of what is, in one message, and not of what was.
func TestWhatWaitsIsOneMessage(t *testing.T) {
	chat, _, creds, both := hooked(t)
	chat.answers(code(500))
	n := start(t, quick(creds, both[0]))
	var names []string
	for i := range 30 {
		names = append(names, "p"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	w := newWorld(names...)
	w.health("paa", reconcile.Unhealthy, "no image")
	n.Report(w.report())
	chat.next(t)
	w.health("paa", reconcile.Healthy, "")
	for _, name := range names[1:] {
		w.health(name, reconcile.Unhealthy, "no image")
	}
	n.Report(w.report())
	for text := ""; !strings.Contains(text, "… and 9 more"); {
		text = chat.next(t).text(t)
		if strings.Contains(text, "… and 9 more") && (strings.Count(text, "*Error*") != mostInChat || strings.Contains(text, "paa ")) {
			t.Errorf("it says %s", text)
		}
	}
	chat.answers(nil)
	chat.next(t)
	for _, name := range names {
		w.health(name, reconcile.Healthy, "")
	}
	n.Report(w.report())
	for text := ""; !strings.Contains(text, "*Recovered*"); {
		text = chat.next(t).text(t)
	}
}

// A process that is started again says nothing twice, and does not miss an end.
func TestARestartSaysNothingTwice(t *testing.T) {
	chat, _, creds, both := hooked(t)
	o := quick(creds, both[0])
	o.Memory = &forgetful{}
	w := newWorld("frankfurt")
	w.health("frankfurt", reconcile.Unhealthy, "no image")
	n := start(t, o)
	n.Report(w.report())
	chat.next(t)
	n.stop()
	chat.silent(t)

	unseen := newWorld("frankfurt")
	unseen.Live.Clusters["eu"] = reconcile.ClusterLive{}
	n = start(t, o)
	n.Report(unseen.report())
	n.Report(w.report())
	n.stop()
	chat.silent(t)

	n = start(t, o)
	n.Report(unseen.report())
	w.health("frankfurt", reconcile.Healthy, "")
	n.Report(w.report())
	if text := chat.next(t).text(t); !strings.HasPrefix(text, "*Recovered*: eu/frankfurt") {
		t.Errorf("it says %s", text)
	}
	n.stop()
	n = start(t, o)
	n.Report(w.report())
	n.stop()
	chat.silent(t)
}

// Of several replicas one speaks, and who takes over knows what was said.
func TestOneReplicaSpeaks(t *testing.T) {
	chat, _, creds, both := hooked(t)
	memory := &forgetful{}
	replica := func() (*rig, *atomic.Bool) {
		var speaks atomic.Bool
		o := quick(creds, both[0])
		o.Memory, o.Speaks = memory, speaks.Load
		return start(t, o), &speaks
	}
	a, aSpeaks := replica()
	b, bSpeaks := replica()
	aSpeaks.Store(true)
	w := newWorld("frankfurt")
	w.health("frankfurt", reconcile.Unhealthy, "no image")
	a.Report(w.report())
	b.Report(w.report())
	chat.next(t)
	a.stop()
	bSpeaks.Store(true)
	b.Report(w.report())
	w.health("frankfurt", reconcile.Healthy, "")
	b.Report(w.report())
	if text := chat.next(t).text(t); !strings.HasPrefix(text, "*Recovered*") {
		t.Errorf("it says %s", text)
	}
	b.stop()
	chat.silent(t)
}

// A receiver is told of the events that it names.
func TestAReceiverIsToldOfWhatItNames(t *testing.T) {
	chat, web, creds, both := hooked(t)
	both[0].On = map[string]bool{"frozen": true}
	both[1].On = map[string]bool{"frozen": true, "error": true, "recovered": true}
	n := start(t, quick(creds, both...))
	w := newWorld("frankfurt")
	w.health("frankfurt", reconcile.Unhealthy, "no image")
	n.Report(w.report())
	web.next(t)
	w.health("frankfurt", reconcile.Healthy, "")
	n.Report(w.report())
	web.next(t)
	c := w.Live.Clusters["eu"]
	c.Freezes = []reconcile.Freeze{{Deletes: true, Reason: "incident 42", By: "ada@laptop", Until: time.Now().Add(time.Hour)}}
	w.Live.Clusters["eu"] = c
	n.Report(w.report())
	text := chat.next(t).text(t)
	if !strings.HasPrefix(text, "*Frozen*: cluster eu: deletions frozen until ") || !strings.Contains(text, "\n> incident 42 (ada@\u200blaptop)\n") {
		t.Errorf("it says %s", text)
	}
	if got := web.next(t).incidents(t); got[0].Event != Frozen {
		t.Errorf("%+v", got)
	}
	c.Freezes = nil
	w.Live.Clusters["eu"] = c
	n.Report(w.report())
	if got := web.next(t).incidents(t); got[0].State != "ended" || got[0].Event != Frozen {
		t.Errorf("%+v", got)
	}
	n.stop()
	chat.silent(t)
}
