package schema

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
)

// Load reads the declarations in tree: the CUE package in its root, and the data files in the
// folders beside it. The error is Errors: all mistakes, sorted by place, none of them quoting
// what may be secret.
//
// Load is pure. But an evaluation has no bounds of its own, a few lines of CUE can run for
// ever: call it in a process whose memory and time are limited.
func Load(tree fs.FS) (Config, error) {
	files, errs := read(tree)
	var parsed []*ast.File
	for _, f := range files {
		file, es := parse(f)
		if errs = append(errs, es...); len(es) == 0 {
			parsed = append(parsed, file)
		}
	}
	if len(files) == 0 && len(errs) == 0 {
		errs = Errors{{Message: "found no declarations: write package providers in providers.cue, or name another directory"}}
	}
	cfg, es := load(parsed, len(errs) > 0)
	if errs = append(errs, es...); len(errs) > 0 {
		return Config{}, errs.finish()
	}
	return cfg, nil
}

// load evaluates files, fills in defaults and checks the rules. Where files are only a part of
// the declarations, since others could not be read, it returns just the mistakes that do not
// depend on the rest.
func load(files []*ast.File, partial bool) (Config, Errors) {
	idx := newIndex(files)
	if idx.entries > maxEntries {
		return Config{}, Errors{tooMany(idx.entries)}
	}
	ctx := cuecontext.New() // it keeps all it has seen: one for each load
	v, missing := evaluate(ctx, files)
	if _, err := v.Fields(); err != nil {
		return Config{}, missing
	}
	w := &walker{index: idx, missing: missing}
	f := newForm(ctx)
	root := w.walk("", f, v, Position{})
	if partial {
		return Config{}, w.certain()
	}
	if n := entries(root); n > maxEntries {
		return Config{}, Errors{tooMany(n)}
	}
	if err := v.Validate(cue.Concrete(true)); err != nil && len(w.all()) == 0 {
		w.doubts = translate(err) // what stands where the walk does not go
	}
	return complete(completer{walker: w, form: f, value: v, root: root})
}

// tooMany is the mistake of more entries than there may be.
func tooMany(n int) Error {
	return Error{Message: fmt.Sprintf("found %d entries in all collections, at most %d are taken: spread them over several deployments", n, maxEntries)}
}

// completer is what is known after the evaluation.
type completer struct {
	walker *walker
	form   *form
	value  cue.Value
	root   *node
}

// complete fills in what is not declared, and checks the whole.
func complete(l completer) (Config, Errors) {
	written := writtenOrganizations(l.root)
	l.root = fillDefaults(l.root)
	l.root = fillOrganizations(l)
	s := &shaper{shapes: l.value.Context().CompileString(shapes), root: l.root}
	l.root = fillShapes(s)
	cfg, err := decode(l.root)
	if err != nil {
		return Config{}, append(l.walker.all(), Error{Message: err.Error()})
	}
	cfg.Positions, cfg.Sources = positions(l.root), sources(l.root)
	c := &checker{cfg: &cfg, root: l.root, written: written, errs: slices.Concat(l.walker.all(), s.errs)}
	c.check()
	cfg.Warnings = c.warnings.finish()
	return cfg, c.errs
}

// newForm is the form of a whole configuration.
func newForm(ctx *cue.Context) *form {
	m := &former{defs: map[string]*form{}}
	return m.of(ctx.CompileString(source).LookupPath(cue.MakePath(cue.Def("Config"))))
}

// decode turns nodes into a Config.
func decode(root *node) (Config, error) {
	text, err := json.Marshal(root.plain())
	if err != nil {
		return Config{}, fmt.Errorf("encode declarations: %w", err)
	}
	var cfg Config
	if err := json.Unmarshal(text, &cfg); err != nil {
		return Config{}, fmt.Errorf("decode declarations: %w", err)
	}
	return cfg, nil
}
