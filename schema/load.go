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
// what may be secret; the Config then holds the deployment's name, if that is written out, and no more.
//
// Load is pure. But an evaluation has no bounds of its own, a few lines of CUE can run for
// ever: call it in a process whose memory and time are limited.
func Load(tree fs.FS) (Config, error) {
	files, ignored, errs := read(tree)
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
		return Config{Deployment: Deployment{Name: nameIn(parsed)}}, errs.finish()
	}
	cfg.Warnings = append(ignored, cfg.Warnings...).finish()
	return cfg, nil
}

// load evaluates files, fills in defaults and checks the rules. Where the files are only a part
// of the declarations, since others could not be read, it returns just the mistakes that do not
// depend on the rest.
func load(files []*ast.File, partial bool) (Config, Errors) {
	x := newIndex(files)
	if x.entries > maxEntries {
		return Config{}, Errors{tooMany(x.entries)}
	}
	ctx := cuecontext.New() // it keeps all it has seen: one for each load
	v, missing := evaluate(ctx, files)
	w := &walker{index: x, missing: missing}
	if _, err := v.Fields(); err != nil {
		return Config{}, w.known(partial)
	}
	f := newForm(ctx)
	root := w.walk("", f, v, Position{})
	if partial {
		return Config{}, w.known(partial)
	}
	if n := entries(root); n > maxEntries {
		return Config{}, Errors{tooMany(n)}
	}
	if err := v.Validate(cue.Concrete(true)); err != nil && len(w.known(false)) == 0 {
		w.doubts = translate(err) // it stands where the walk does not go
	}
	return complete(evaluated{walker: w, form: f, value: v, root: root, ctx: ctx})
}

// tooMany is the mistake of more entries than there may be.
func tooMany(n int) Error {
	return Error{Message: fmt.Sprintf(
		"found %d entries in all collections, at most %d are taken: spread them over several deployments", n, maxEntries)}
}

// evaluated is what is known after the evaluation.
type evaluated struct {
	walker *walker
	form   *form
	value  cue.Value
	root   *node
	ctx    *cue.Context // of value, and of this one load
}

// complete fills in what is not declared, and checks the whole.
func complete(e evaluated) (Config, Errors) {
	written := writtenOrganizations(e.root)
	e.root = fillDefaults(e.root)
	e.root = fillOrganizations(e)
	s := newShaper(e.ctx, e.root)
	root := fillShapes(s)
	errs := slices.Concat(e.walker.known(false), s.errs)
	cfg, err := decode(root)
	if err != nil {
		return Config{}, append(errs, Error{Message: err.Error()})
	}
	cfg.Positions, cfg.Sources = positions(root), sources(root)
	c := &checker{cfg: &cfg, root: root, written: written, bad: newBad(errs), errs: errs}
	c.check()
	cfg.Warnings = c.warnings
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
