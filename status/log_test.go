package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// story is a sequence of reports, each with what is expected to be said of it.
type story struct {
	does func(w *world, it reconcile.Item)
	log  []string
	line []string // of Progress without a terminal
}

// tale is one provider from its declaration to trouble and back.
func tale() []story {
	return []story{
		{func(w *world, _ reconcile.Item) { w.Live.Clusters["eu"] = reconcile.ClusterLive{} },
			[]string{
				"INFO revision in force revision=1a2b3c4 author=\"Ada <ada@example.com>\" subject=\"Add frankfurt\"",
				"INFO cluster answers cluster=built-in revision=1a2b3c4 version=v1.37.2",
				"INFO cluster answers cluster=us revision=1a2b3c4 version=v1.37.2",
			}, nil},
		{func(w *world, it reconcile.Item) {
			w.Live.Clusters["eu"] = newWorld().Live.Clusters["eu"]
		}, []string{
			"INFO cluster answers cluster=eu revision=1a2b3c4 version=v1.37.2",
			"INFO provider is Pending provider=frankfurt cluster=eu was=\"\" revision=1a2b3c4 reason=\"not installed yet\"",
		}, []string{"eu/frankfurt Pending: not installed yet"}},
		{func(*world, reconcile.Item) {}, nil, nil},
		{func(w *world, it reconcile.Item) { w.put(it, nil) },
			[]string{"INFO provider is Ready provider=frankfurt cluster=eu was=Pending revision=1a2b3c4 reason=\"\""},
			[]string{"eu/frankfurt Pending → Ready (12s)"}},
		{func(w *world, it reconcile.Item) {
			w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "pod: OOMKilled" })
		}, []string{"ERROR provider is Error provider=frankfurt cluster=eu was=Ready revision=1a2b3c4 reason=\"pod: OOMKilled\""},
			[]string{"eu/frankfurt Ready → Error (4s): pod: OOMKilled"}},
		{func(w *world, it reconcile.Item) {
			w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "pod: Evicted" })
		}, []string{"ERROR provider is Error provider=frankfurt cluster=eu was=Error revision=1a2b3c4 reason=\"pod: Evicted\""},
			[]string{"eu/frankfurt still Error: pod: Evicted"}},
		{func(w *world, it reconcile.Item) {
			w.put(it, func(o *reconcile.Observed) { o.Digest = "old" })
			w.edit(it.ID, func(it *reconcile.Item) { it.Suspended = "maintenance" })
		}, []string{
			"INFO provider is Pending provider=frankfurt cluster=eu was=Error revision=1a2b3c4 reason=\"the declared change is not applied yet\"",
			"WARN provider is held provider=frankfurt cluster=eu hold=suspended revision=1a2b3c4 reason=maintenance",
		}, []string{"eu/frankfurt Error → Pending (8s): the declared change is not applied yet; held: suspended (maintenance)"}},
		{func(w *world, it reconcile.Item) {
			w.edit(it.ID, func(it *reconcile.Item) { it.Suspended = "" })
		}, []string{"INFO provider is not held any more provider=frankfurt cluster=eu hold=suspended revision=1a2b3c4"}, nil},
		{func(w *world, it reconcile.Item) {
			w.lose("eu")
			w.FetchErr = errors.New("ls-remote: timeout")
			w.Head.SHA, w.HeadErr = "badbadbad", errors.New("a.cue:1:1: x\na.cue:2:1: y")
		}, []string{
			"ERROR revision is not valid revision=badbadb reason=\"a.cue:1:1: x\" more=1",
			"WARN repository cannot be read revision=1a2b3c4 reason=\"ls-remote: timeout\"",
			"ERROR cluster cannot be reached cluster=eu revision=1a2b3c4 reason=\"dial tcp 10.0.0.1:6443: connect: connection refused\"",
			"ERROR provider is Error provider=frankfurt cluster=eu was=Pending revision=1a2b3c4 reason=\"cluster eu cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused\"",
		}, []string{"eu/frankfurt Pending → Error (8s): cluster eu cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused"}},
		{func(w *world, it reconcile.Item) {
			w.FetchErr, w.HeadErr, w.Head = nil, nil, w.Commit
			w.Want.Items = nil
			delete(w.Want.Providers, "frankfurt")
			delete(w.Want.Clusters, "eu")
			delete(w.Live.Clusters, "eu")
		}, []string{
			"INFO repository can be read again revision=1a2b3c4",
			"INFO provider is gone provider=frankfurt cluster=eu revision=1a2b3c4",
		}, []string{"eu/frankfurt gone"}},
	}
}

// runTale runs the tale and says what was written after each report.
func runTale(t *testing.T, to reconcile.Reporter, written func() []string, want func(story) []string) {
	t.Helper()
	w, it := one()
	for i, s := range tale() {
		s.does(w, it)
		w.Live.At = epoch().Add(time.Duration(i) * 4 * time.Second)
		r := w.report()
		to.Report(r)
		to.Report(r)
		if diff := cmp.Diff(want(s), written()); diff != "" {
			t.Errorf("report %d: %s", i, diff)
		}
	}
}

// drain takes what was written, by lines.
func drain(b *bytes.Buffer) func() []string {
	return func() []string {
		defer b.Reset()
		if b.Len() == 0 {
			return nil
		}
		return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	}
}

func TestWhatChangesIsLoggedOnce(t *testing.T) {
	var b bytes.Buffer
	out := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: bare}))
	lines := drain(&b)
	written := func() []string {
		all := lines()
		for i, line := range all {
			all[i] = strings.NewReplacer("level=", "", "msg=", "").Replace(line)
			if level, rest, quoted := strings.Cut(all[i], ` "`); quoted {
				all[i] = level + " " + strings.Replace(rest, `"`, "", 1)
			}
		}
		return all
	}
	runTale(t, NewLog(out), written, func(s story) []string { return s.log })
}

// bare leaves the time out of a log line.
func bare(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestProgressIsALineForEachChange(t *testing.T) {
	var b bytes.Buffer
	runTale(t, NewProgress(&b), drain(&b), func(s story) []string { return s.line })
}

func TestProgressOnATerminalIsDrawnAnew(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b)
	p.size = func() (int, int) { return 48, 5 }
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	for _, name := range []string{"paris", "rome", "wien"} {
		w.put(w.want("eu", name, ""), nil)
	}
	p.Report(w.report())
	w.put(it, func(o *reconcile.Observed) {
		o.Health, o.Message = reconcile.Unhealthy, "pod envproxy-0: ImagePullBackOff"
	})
	w.Live.At = epoch().Add(3 * time.Second)
	p.Report(w.report())
	golden(t, "testdata/progress.txt", strings.NewReplacer("\x1b", "␛", "\r", "␍").Replace(b.String()))
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	NewProgress(f).Report(newWorld().report())
	_, _ = f.Seek(0, io.SeekStart)
	text, err := io.ReadAll(f)
	if want := "built-in/built-in Ready (unverified)\n"; string(text) != want || err != nil {
		t.Errorf("got %q %v", text, err)
	}
}

func TestAFreezeBeginsAndEndsAloud(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: bare})))
	written := drain(&b)
	freeze := reconcile.Freeze{Deletes: true, Reason: "incident", By: "ada", Until: epoch().Add(time.Hour)}
	for i, step := range []struct {
		does func(c *reconcile.ClusterLive)
		want []string
	}{
		{func(c *reconcile.ClusterLive) { c.Freezes = []reconcile.Freeze{freeze} }, []string{
			`level=WARN msg="freeze begins" cluster=eu of=deletions reason=incident by=ada revision=1a2b3c4 until=2026-10-09T15:02:00.000Z`}},
		{func(c *reconcile.ClusterLive) { c.Freezes[0].Until = epoch().Add(2 * time.Hour) }, nil},
		{func(c *reconcile.ClusterLive) { c.Reachable, c.Freezes = false, nil }, nil},
		{func(c *reconcile.ClusterLive) { c.Reachable = true },
			[]string{`level=WARN msg="freeze ends" cluster=eu of=deletions reason=incident by=ada revision=1a2b3c4`}},
	} {
		w := newWorld()
		if i == 0 {
			log.Report(w.report())
			written()
		}
		w.in("eu", func(c *reconcile.ClusterLive) { c.Freezes = []reconcile.Freeze{freeze} })
		if i == 3 {
			w.in("eu", func(c *reconcile.ClusterLive) { c.Freezes = nil })
		}
		w.in("eu", step.does)
		log.Report(w.report())
		var got []string
		for _, line := range written() {
			if strings.Contains(line, "freeze") {
				got = append(got, line)
			}
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

func TestWhatWasDoneIsLoggedWithItsKind(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: bare})))
	w := guarded()
	w.guard("frankfurt", reconcile.Enforce, "blue")
	for _, a := range w.report().Plan.Actions {
		if a.Acts() {
			log.Done(reconcile.Outcome{Action: a})
			log.Done(reconcile.Outcome{Action: a, Err: reconcile.ErrFrozen})
		}
	}
	want := `level=INFO msg="action done" op=delete kind=Allowlist name=coder/frankfurt/red cluster=eu provider=frankfurt ` +
		`reason=orphaned revision=1a2b3c4 took=0s message="organization red is not on the allowlist any more"`
	if diff := cmp.Diff([]string{want}, drain(&b)()); diff != "" {
		t.Error(diff)
	}
}

func TestAFreezeOfAProviderNamesIt(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: bare})))
	w := newWorld()
	log.Report(w.report())
	b.Reset()
	w.in("eu", func(c *reconcile.ClusterLive) {
		c.Freezes = []reconcile.Freeze{{Provider: "frankfurt", Reason: "incident", By: "ada", Until: epoch().Add(time.Hour)}}
	})
	log.Report(w.report())
	want := `level=WARN msg="freeze begins" provider=frankfurt cluster=eu of="provider frankfurt" ` +
		`reason=incident by=ada revision=1a2b3c4 until=2026-10-09T15:02:00.000Z`
	if got := drain(&b)(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

// Whoever searches the log for a revision, or for a provider or cluster, finds all that it says of it.
func TestEachLineSaysWhatItIsAbout(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(slog.New(slog.NewJSONHandler(&b, nil)))
	w, it := one()
	for i, s := range tale() {
		s.does(w, it)
		w.Live.At = epoch().Add(time.Duration(i) * 4 * time.Second)
		log.Report(w.report())
	}
	log.Done(reconcile.Outcome{Action: reconcile.Action{
		ID: it.ID, Provider: it.Provider, Op: reconcile.OpUpdate, Commit: w.Commit}, Err: errors.New("timed out")})
	for _, line := range drain(&b)() {
		var said map[string]any
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(said["msg"].(string), " ")
		needs := map[string][]string{
			"revision": {"revision"}, "repository": {"revision"}, "cluster": {"cluster", "revision"},
			"provider": {"provider", "cluster", "revision"}, "action": {"provider", "cluster", "revision"},
		}[kind]
		if needs == nil {
			t.Errorf("nobody says what this has to name: %s", line)
		}
		for _, key := range needs {
			if value, _ := said[key].(string); value == "" {
				t.Errorf("there is no %s: %s", key, line)
			}
		}
	}
}
