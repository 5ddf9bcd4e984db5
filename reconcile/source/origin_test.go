package source

import (
	"io/fs"
	"strings"
	"testing"
)

// directory is a directory with the declarations of start.
func directory(t *testing.T) Dir {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, start)
	return Dir(dir)
}

func TestADirectoryHasOneRevisionForEachContent(t *testing.T) {
	d := directory(t)
	s := newSource(d)
	first := latest(s)
	if !strings.HasPrefix(first.Commit.SHA, dirPrefix) || len(first.Want.Items) != 2 || first.Changed != nil {
		t.Errorf("target %+v", first)
	}
	if again := latest(s); again.Commit != first.Commit || s.evaluated.Load() != 1 {
		t.Errorf("unchanged: %+v, %d evaluations", again.Commit, s.evaluated.Load())
	}
	write(t, string(d), larger)
	second := latest(s)
	if second.Commit.SHA == first.Commit.SHA || changes(second) != "frankfurt" {
		t.Errorf("changed: %q, %+v", changes(second), second.Commit)
	}
	write(t, string(d), broken)
	third := latest(s)
	check(t, third, second.Commit.SHA, third.Head.SHA, true)
	write(t, string(d), mended)
	if fourth := latest(s); fourth.HeadErr != nil || changes(fourth) != "frankfurt" {
		t.Errorf("mended: %q, %v", changes(fourth), fourth.HeadErr)
	}
	if !s.Descends(first.Commit.SHA, "1a2b3c4") {
		t.Error("a directory says something against what others applied")
	}
}

func TestADirectoryThatChangesWhileItIsReadIsReadAnew(t *testing.T) {
	d := directory(t)
	s := newSource(changing{d, func() { write(t, string(d), larger) }})
	target := latest(s)
	if target.Commit.SHA != "" || target.HeadErr == nil || s.evaluated.Load() > 0 {
		t.Errorf("in force %q, %v, %d evaluations", target.Commit.SHA, target.HeadErr, s.evaluated.Load())
	}
	if target = latest(s); target.HeadErr != nil || target.Want.Items[0].Release.Values["replicas"] != int64(2) {
		t.Errorf("afterwards %v, %v", target.HeadErr, target.Want.Items)
	}
}

// changing is a directory that somebody writes to after its hash was taken.
type changing struct {
	Dir
	change func()
}

func (c changing) Declarations(sha string) (fs.FS, error) {
	c.change()
	return c.Dir.Declarations(sha)
}

func TestAChartInADirectoryCountsAtOnce(t *testing.T) {
	d := directory(t)
	s := newSource(d)
	before := latest(s)
	write(t, string(d), "-- charts/own/templates/b.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n")
	after := latest(s)
	for i, it := range after.Want.Items {
		if moved := it.Base != before.Want.Items[i].Base; moved != (it.Provider == "paris") {
			t.Errorf("%s moved: %v", it.Provider, moved)
		}
	}
}

func TestAWrongDirectoryIsNotAnEmptyOne(t *testing.T) {
	for name, dir := range map[string]Dir{"empty": Dir(t.TempDir()), "missing": Dir(t.TempDir() + "/missing")} {
		t.Run(name, func(t *testing.T) {
			target := latest(newSource(dir))
			if target.FetchErr == nil || !strings.Contains(target.FetchErr.Error(), "--dir") || target.Commit.SHA != "" {
				t.Errorf("error %v, in force %q", target.FetchErr, target.Commit.SHA)
			}
		})
	}
}
