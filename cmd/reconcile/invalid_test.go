package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/schema/schematest"
	"github.com/workspace-providers/reconcile/status"
)

// invalid is a repository that does not load.
type invalid struct {
	name  string
	files map[string]string
	says  string // how the first mistake begins
}

// invalids are the archives that schema tests, and repositories that try to do harm.
func invalids(t *testing.T) []invalid {
	t.Helper()
	dir := filepath.Join(kubetest.Root(), "schema", "testdata")
	base, err := os.ReadFile(filepath.Join(dir, "base.cue"))
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "invalid", "*.txtar"))
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d archives, want 60 at least: %v", len(paths), err)
	}
	var out []invalid
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := invalid{name: filepath.Base(path), files: map[string]string{"base.cue": string(base)}}
		for _, f := range archive.Files {
			if f.Name == "want" {
				c.says, _, _ = strings.Cut(string(f.Data), "\n")
				continue
			}
			c.files[f.Name] = string(f.Data)
		}
		out = append(out, c)
	}
	for _, h := range append(schematest.Refused(), schematest.Bombs()[0]) {
		out = append(out, invalid{name: h.Name, files: filesOf(t, h.Tree)})
	}
	return out
}

// filesOf reads a tree; what is no regular file is left out.
func filesOf(t *testing.T, tree fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// One invalid commit after the other changes nothing but its own status: nothing is applied, what people
// edit is repaired all the while, and the daemon does not grow.
func TestInvalidCommitsChangeNothing(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: {one: cluster: "eu", two: cluster: "eu"}`)
	good := maps.Clone(s.files)
	sha := s.push()
	d := s.daemon("--interval", "50ms")
	d.ready(sha, "one", "two")
	s.noted(sha, "apply success")
	all := invalids(t)
	small := 0
	for i, c := range all {
		s.files = maps.Clone(c.files)
		head := s.push()
		s.judged(head, c)
		switch {
		case i == 20:
			small = d.memory()
		case i%60 == 59:
			name := []string{"one", "two"}[i/60%2] // one that is edited too often is contested
			s.kubectl(eu, "scale", "deployment/"+name, "--replicas=3")
			s.await("edits are repaired", func() (any, bool) {
				got := s.kubectl(eu, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")
				return got, got == "1"
			})
		}
	}
	if grown := d.memory() - small; grown > 50<<20 {
		t.Errorf("after %d invalid commits the daemon takes %d MiB more than %d MiB", len(all), grown>>20, small>>20)
	}
	var doc status.StatusDoc
	s.await("what was edited last is Ready again", func() (any, bool) {
		doc = d.status()
		return shown{doc}, doc.Summary == (status.Summary{Keep: 2})
	})
	if doc.Revision.SHA != sha {
		t.Errorf("after all: %v", shown{doc})
	}
	for _, name := range []string{"one", "two"} {
		if p := provider(doc, name); p.Status != status.Ready || revisionOf(s, name) != 1 {
			t.Errorf("after all: %+v", p)
		}
	}
	s.files = good
	s.declare("a.cue", `providers: {one: {cluster: "eu", values: limit: 2}, two: cluster: "eu"}`)
	d.ready(s.push(), "one", "two")
}

// judged waits until the status of a commit says what is wrong with it.
func (s *site) judged(sha string, c invalid) {
	s.Helper()
	says := c.says
	if runes := []rune(says); len(runes) > 45 { // the rest may be cut, and the middle of a long path
		says = string(runes[:45])
	}
	s.await(fmt.Sprintf("%s: failure %s", c.name, says), func() (any, bool) {
		note := s.note(sha)
		return note, strings.HasPrefix(note, "reconcile/"+s.name+"/apply failure "+says)
	})
}

// memory is what the daemon takes, in bytes; 0 where the system does not say.
func (d *daemon) memory() int {
	d.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.cmd.Process.Pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		d.Fatalf("statm: %v %s", err, text)
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		d.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A worker that dies in the middle takes nothing with it: what is in force stays, and the next revision is
// judged by another.
func TestAWorkerThatIsKilled(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the worker is found in /proc, which this system does not have")
	}
	s := newSite(t, eu)
	s.declare("a.cue", `providers: one: cluster: "eu"`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "one")
	slow := schematest.Bombs()[7] // loops that take as long as they may
	good := maps.Clone(s.files)
	maps.Copy(s.files, filesOf(t, slow.Tree))
	delete(s.files, "deployment.cue")
	delete(s.files, "a.cue")
	s.push()
	worker := 0
	s.await("a worker is at work", func() (any, bool) {
		worker = d.child()
		return worker, worker != 0
	})
	if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	doc := d.until("that is said", func(doc status.StatusDoc) bool { return doc.HeadError != "" })
	if doc.Revision.SHA != sha || provider(doc, "one").Status != status.Ready {
		t.Errorf("after the worker was killed: %v", shown{doc})
	}
	s.files = good
	s.declare("b.cue", `providers: one: values: limit: 2`)
	d.ready(s.push(), "one")
}

// child is a process that the daemon has started, 0 where there is none.
func (d *daemon) child() int {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		d.Fatal(err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		_, rest, found := strings.Cut(string(text), ") ") // state, parent, …
		fields := strings.Fields(rest)
		if err != nil || !found || len(fields) < 2 || fields[1] != strconv.Itoa(d.cmd.Process.Pid) {
			continue // it has ended meanwhile, or is somebody else's
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			return pid
		}
	}
	return 0
}
