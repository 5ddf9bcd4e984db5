package edit

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/schema"
)

// TestWhatIsDoneIsUndone: a cordon of any provider of any valid declarations declares just that, and uncordon takes it
// back; so does disallow what allow did. Or it is refused, and nothing is changed.
func TestWhatIsDoneIsUndone(t *testing.T) {
	archives, err := filepath.Glob("../testdata/valid/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	base, err := os.ReadFile("../testdata/base.cue")
	if err != nil {
		t.Fatal(err)
	}
	done, refused := 0, 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := fstest.MapFS{"base.cue": {Data: base}}
		for _, f := range a.Files {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		cfg, err := schema.Load(tree)
		if err != nil {
			continue
		}
		for p := range cfg.Providers {
			l := law{t, filepath.Base(name), tree, cfg}
			if l.cordon(p) {
				done++
			} else {
				refused++
			}
			for o := range cfg.Organizations {
				if _, there := cfg.Allowlists[p][o]; !there && p != builtIn {
					l.allow(o, p)
				}
			}
		}
	}
	if done < 9*refused {
		t.Errorf("%d are cordoned, and %d are not", done, refused)
	}
}

// law is one set of valid declarations.
type law struct {
	*testing.T
	name string
	tree fs.FS
	cfg  schema.Config
}

// edited is what an edit makes; false: it is refused.
func (l law) edited(tree fs.FS, change func(*Files) (string, error)) (fs.FS, schema.Config, bool) {
	l.Helper()
	f, err := Read(tree)
	if err != nil {
		l.Fatalf("%s: %v", l.name, err)
	}
	if _, err := change(f); err != nil {
		l.Logf("%s: %v", l.name, err)
		return nil, schema.Config{}, false
	}
	after := f.Tree(f.Changes())
	cfg, err := schema.Load(after)
	if err != nil {
		l.Logf("%s: %v", l.name, err) // the caller is told, and writes nothing
		return nil, schema.Config{}, false
	}
	return after, cfg, true
}

func (l law) cordon(p string) bool {
	l.Helper()
	if l.cfg.Providers[p].Cordon != nil {
		return true
	}
	tree, cfg, ok := l.edited(l.tree, func(f *Files) (string, error) { return f.Cordon(p, "law") })
	if !ok {
		return false
	}
	if c := cfg.Providers[p].Cordon; c == nil || c.Reason != "law" {
		l.Errorf("%s: %s is not cordoned: %+v", l.name, p, c)
	}
	_, cfg, ok = l.edited(tree, func(f *Files) (string, error) { return f.Uncordon(p) })
	l.same(p, cfg, ok)
	return true
}

func (l law) allow(o, p string) {
	l.Helper()
	tree, cfg, ok := l.edited(l.tree, func(f *Files) (string, error) { return f.Allow(o, p, true) })
	if !ok {
		return
	}
	if _, there := cfg.Allowlists[p][o]; !there {
		l.Errorf("%s: %s may not use %s", l.name, o, p)
	}
	_, cfg, ok = l.edited(tree, func(f *Files) (string, error) { return f.Disallow(o, p) })
	l.same(p, cfg, ok)
}

// same wants a configuration to be as it was, places apart.
func (l law) same(p string, cfg schema.Config, ok bool) {
	l.Helper()
	places := cmpopts.IgnoreFields(schema.Config{}, "Positions", "Sources", "Warnings")
	withoutEmpty := cmp.Transformer("full", func(all map[string]map[string]schema.Grant) map[string]map[string]schema.Grant {
		out := map[string]map[string]schema.Grant{}
		for name, list := range all {
			if len(list) > 0 {
				out[name] = list
			}
		}
		return out
	})
	once := cmp.FilterPath(func(path cmp.Path) bool { return path.Last().String() == ".Allowlists" }, withoutEmpty)
	if diff := cmp.Diff(l.cfg, cfg, places, once); !ok || diff != "" {
		l.Errorf("%s: after %s: %v\n%s", l.name, p, ok, diff)
	}
}
