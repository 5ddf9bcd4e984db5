package source

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/schema"
)

func TestTheNewestRevisionIsInForce(t *testing.T) {
	r := newRepository(t)
	s := newSource(r.origin())
	for _, commit := range []func() string{
		func() string { return r.git("rev-parse", "HEAD") },
		func() string { return r.commit(larger) },
		func() string { return r.merge(mended) },
	} {
		head := commit()
		check(t, latest(s), head, head, false)
	}
	if target := latest(s); target.Head != target.Commit || target.Commit.Author != "Ada" || target.Commit.Subject != "merge" {
		t.Errorf("target %+v", target)
	}
	if cfg, ok := s.Config(); !ok || cfg.Deployment.Name != "acme" {
		t.Errorf("configuration %+v", cfg.Deployment)
	}
}

// check compares what is in force, what the head is and whether it is wrong.
func check(t *testing.T, target reconcile.Target, force, head string, mistakes bool) {
	t.Helper()
	var errs schema.Errors
	if target.Commit.SHA != force || target.Want.Commit.SHA != force || target.Head.SHA != head ||
		errors.As(target.HeadErr, &errs) != mistakes || target.FetchErr != nil {
		t.Errorf("in force %.7s, head %.7s, %v; want %.7s, %.7s, mistakes: %v",
			target.Commit.SHA, target.Head.SHA, target.HeadErr, force, head, mistakes)
	}
}

func TestWhileTheHeadDoesNotLoadTheNewestValidAncestorIsInForce(t *testing.T) {
	r := newRepository(t)
	running := newSource(r.origin())
	latest(running)
	r.merge(broken, larger) // its second parents are valid, and were never the head
	valid := r.git("rev-parse", "HEAD")
	latest(running)
	var head string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		head = r.commit(strings.ReplaceAll(broken, "more", name))
	}
	fresh := newSource(r.origin())
	check(t, latest(running), valid, head, true)
	check(t, latest(fresh), valid, head, true)

	before := fresh.evaluated.Load()
	check(t, latest(fresh), valid, head, true)
	if n := fresh.evaluated.Load() - before; n > 1 {
		t.Errorf("the same head was searched again: %d evaluations", n)
	}
}

func TestAMendedHeadIsInForce(t *testing.T) {
	r := newRepository(t)
	s := newSource(r.origin())
	r.commit(broken)
	latest(s)
	head := r.commit(mended)
	check(t, latest(s), head, head, false)
}

func TestWhereNothingWasEverValidNothingIsInForce(t *testing.T) {
	r := newRepository(t)
	r.git("checkout", "-q", "--orphan", "fresh")
	head := r.commit(broken)
	r.git("branch", "-M", "main")
	s := newSource(r.origin())
	check(t, latest(s), "", head, true)
	if _, ok := s.Config(); ok {
		t.Error("there is a configuration")
	}
	if owner := latest(s).Want.Owner; owner != "acme" {
		t.Errorf("the deployment is called %q, want acme, as the syntax says", owner)
	}
	r.git("checkout", "-q", "--orphan", "nameless")
	r.commit(strings.Replace(start, `"acme"`, `"ac" + "me"`, 1) + broken)
	r.git("branch", "-M", "main")
	if owner := latest(newSource(r.origin())).Want.Owner; owner != "" {
		t.Errorf("the deployment is called %q, want no name", owner)
	}
}

func TestAHeadThatCannotBeJudgedNowIsNotInvalid(t *testing.T) {
	r := newRepository(t)
	first := r.git("rev-parse", "HEAD")
	running, fresh := newSource(r.origin()), newSource(r.origin())
	latest(running)
	head := r.commit(larger)
	for _, s := range []*counted{running, fresh} {
		evaluate := s.Evaluate
		s.Evaluate = func(context.Context, fs.FS) (schema.Config, error) { return schema.Config{}, errors.New("no memory") }
		force := ""
		if s == running {
			force = first
		}
		check(t, latest(s), force, head, false)
		if s.target.HeadErr == nil {
			t.Error("nobody is told")
		}
		s.Evaluate = evaluate
		check(t, latest(s), head, head, false)
	}
}

func TestWhileTheRepositoryCannotBeReadTheLastRevisionStays(t *testing.T) {
	for name, lose := range map[string]func(r *repository){
		"branch deleted": func(r *repository) { r.git("branch", "-M", "main", "gone") },
		"emptied":        func(r *repository) { r.git("update-ref", "-d", "refs/heads/main") },
		"not there":      func(r *repository) { r.move() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			var told []error
			s := newSource(r.origin())
			s.Fetched = func(err error) { told = append(told, err) }
			before := latest(s)
			lose(r)
			after := latest(s)
			if after.FetchErr == nil || len(told) != 2 || told[0] != nil || told[1] == nil {
				t.Errorf("error %v, told %v", after.FetchErr, told)
			}
			after.FetchErr = nil
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("-before +after:\n%s", diff)
			}
		})
	}
}

func TestTheFolderOfTheDeclarationsIsRemoved(t *testing.T) {
	r := newRepository(t)
	moved := r.commit(strings.ReplaceAll(start, "-- ", "-- below/"))
	s := newSource(Git{&git.Repo{URL: r.dir, Ref: "main", Path: "below"}})
	check(t, latest(s), moved, moved, false)
	r.git("rm", "-q", "-r", "below")
	r.git("commit", "-q", "-m", "remove")
	head := r.git("rev-parse", "HEAD")
	check(t, latest(s), moved, head, true)
	check(t, latest(newSource(s.Origin)), moved, head, true)
}

func TestAChartThatIsNotFoundStopsItsOwnProviders(t *testing.T) {
	r := newRepository(t)
	r.git("rm", "-q", "-r", "charts/own")
	r.git("commit", "-q", "-m", "lose a chart")
	target := latest(newSource(r.origin()))
	for _, it := range target.Want.Items {
		if broken := it.Broken != ""; broken != (it.Provider == "paris") {
			t.Errorf("%s: broken %q", it.Provider, it.Broken)
		}
	}
	if target.HeadErr != nil || len(target.Want.Items) != 2 {
		t.Errorf("error %v, items %v", target.HeadErr, target.Want.Items)
	}
}

func TestTheSameDeclarationsAreEvaluatedOnce(t *testing.T) {
	r := newRepository(t)
	r.commit(strings.ReplaceAll(start, "-- ", "-- below/"))
	s := newSource(Git{&git.Repo{URL: r.dir, Ref: "main", Path: "below"}})
	latest(s)
	before := s.evaluated.Load()
	latest(s)
	head := r.commit("-- beside.txt --\nnobody's business\n")
	check(t, latest(s), head, head, false)
	if n := s.evaluated.Load() - before; n > 0 {
		t.Errorf("%d evaluations", n)
	}
}

// A look at what is in force already makes nothing anew, unless a chart moved.
func TestWhatIsInForceIsRenderedOnce(t *testing.T) {
	s := newSource(newRepository(t).origin())
	store, version := s.Resolver, ""
	s.Resolver = resolver(func(req charts.Request) (reconcile.Chart, error) {
		chart, err := store.Resolve(context.Background(), req)
		chart.Version += version
		return chart, err
	})
	first, second := latest(s).Want.Items, latest(s).Want.Items
	if &first[0] != &second[0] {
		t.Error("it was rendered again")
	}
	version = "+2"
	if third := latest(s).Want.Items; third[0].Release.Chart.Version != first[0].Release.Chart.Version+version {
		t.Errorf("a chart moved, and the release has %s", third[0].Release.Chart.Version)
	}
}

func TestTheNameOfTheDeploymentCannotChange(t *testing.T) {
	r := newRepository(t)
	first := r.git("rev-parse", "HEAD")
	s := newSource(r.origin())
	latest(s)
	head := r.commit(strings.Replace(start, `"acme"`, `"other"`, 1))
	target := latest(s)
	check(t, target, first, head, true)
	want := `providers.cue:3:1: deployment.name: found "other", was "acme"`
	if !strings.HasPrefix(target.HeadErr.Error(), want) {
		t.Errorf("error %v, want %s…", target.HeadErr, want)
	}
	check(t, latest(newSource(r.origin())), head, head, false)
}

func TestDescends(t *testing.T) {
	r := newRepository(t)
	first := r.git("rev-parse", "HEAD")
	r.git("checkout", "-q", "-b", "feature")
	side := r.commit(larger)
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
	lost := r.commit(mended)
	r.git("reset", "-q", "--hard", "HEAD~1")
	head := r.commit("-- beside.txt --\nanother history\n")
	s := newSource(r.origin())
	latest(s)
	for _, test := range []struct {
		name, from string
		want       bool
	}{
		{"itself", head, true},
		{"the first", first, true},
		{"one of a merged branch", side, true},
		{"one that was reset", lost, false},
		{"one that nobody knows", strings.Repeat("7", 40), false},
		{"no revision", "HEAD", false},
		{"a directory", "dir:" + first, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := s.Descends(head, test.from); got != test.want {
				t.Errorf("descends: %v", got)
			}
		})
	}
	if s.Descends(strings.Repeat("7", 40), first) {
		t.Error("what is not here descends from something")
	}
}

func TestConfigMayBeReadDuringALook(t *testing.T) {
	r := newRepository(t)
	s := newSource(r.origin())
	looking, done := make(chan struct{}), make(chan struct{})
	evaluate := s.Evaluate
	s.Evaluate = func(ctx context.Context, tree fs.FS) (schema.Config, error) {
		looking <- struct{}{}
		<-done
		return evaluate(ctx, tree)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() { latest(s) })
	<-looking
	if _, ok := s.Config(); ok {
		t.Error("there is a configuration already")
	}
	close(done)
	tasks.Wait()
	if _, ok := s.Config(); !ok {
		t.Error("there is no configuration")
	}
}

func TestChartsAreAskedForInAllowedSourcesOnly(t *testing.T) {
	asked := map[string]charts.Request{}
	r := Reader{Resolver: resolver(func(req charts.Request) (reconcile.Chart, error) {
		asked[req.Ref.String()] = req
		return reconcile.Chart{}, nil
	})}
	cfg := schema.Config{
		Deployment: schema.Deployment{ChartSources: map[string]bool{"https://b": true, "https://a": true, "https://c": false}},
		Providers:  map[string]schema.Provider{"p": {Chart: schema.Chart{Name: "demo", Repo: "https://b", Version: "1"}}},
	}
	force := schema.Config{Providers: map[string]schema.Provider{
		"q": {Chart: schema.Chart{Name: "demo", OCI: "oci://d/charts", Version: "1"}}, "r": {Chart: schema.Chart{Path: "charts/r"}},
	}}
	for _, test := range []struct {
		foreign bool
		force   schema.Config
		want    []string
	}{
		{false, force, []string{"https://a", "https://b"}},
		{true, cfg, []string{"https://a", "https://b"}},
		{true, force, []string{"charts in the repository itself", "oci://d/charts"}},
		{true, schema.Config{}, []string{"charts in the repository itself"}},
	} {
		r.Foreign = test.foreign
		clear(asked)
		r.resolve(context.Background(), cfg, fstest.MapFS{}, test.force)
		for _, key := range slices.Sorted(maps.Keys(asked)) {
			if diff := cmp.Diff(test.want, asked[key].Allowed); diff != "" {
				t.Errorf("%s: -want +got:\n%s", key, diff)
			}
		}
		if len(asked) != 1 {
			t.Errorf("asked for %v", asked)
		}
	}
}

// resolver is a function that finds charts.
type resolver func(req charts.Request) (reconcile.Chart, error)

func (r resolver) Resolve(_ context.Context, req charts.Request) (reconcile.Chart, error) {
	return r(req)
}

func TestAChartThatCannotBeReadAgainStays(t *testing.T) {
	r := newRepository(t)
	s := newSource(r.origin())
	store, gone := s.Resolver, false
	s.Resolver = resolver(func(req charts.Request) (reconcile.Chart, error) {
		if gone {
			return reconcile.Chart{}, errors.New("object not found")
		}
		return store.Resolve(context.Background(), req)
	})
	before := latest(s).Want
	gone = true
	if diff := cmp.Diff(before, latest(s).Want); diff != "" {
		t.Errorf("the same revision: -before +after:\n%s", diff)
	}
	r.commit(more("providers: frankfurt: values: a: 1"))
	for _, it := range latest(s).Want.Items {
		if it.Broken == "" {
			t.Errorf("another revision: %s is known", it.ID)
		}
	}
}
