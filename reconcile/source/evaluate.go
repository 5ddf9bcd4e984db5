package source

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/signature"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
)

// The functions that run in the worker.
const (
	evaluateFunc = "evaluate"
	renderFunc   = "render"
)

// Functions are what the worker of this program can do, for worker.Main.
func Functions() map[string]worker.Func {
	return map[string]worker.Func{evaluateFunc: evaluate, renderFunc: charts.RenderJSON}
}

// Tasks say how much the functions may use.
func Tasks() []worker.Task { return []worker.Task{evaluateTask(), renderTask()} }

func evaluateTask() worker.Task {
	return worker.Task{Name: evaluateFunc, Doing: "evaluating the declarations"}
}

func renderTask() worker.Task {
	return worker.Task{
		Name: renderFunc, Doing: "rendering charts", Memory: 768 << 20, CPU: time.Minute, Wall: 90 * time.Second,
	}
}

// Evaluator evaluates declarations in a worker, as schema.Load does, and looks at the keys that may sign. What is wrong with them is schema.Errors;
// any other error says nothing of them.
func Evaluator(pool *worker.Pool) func(context.Context, fs.FS) (schema.Config, error) {
	return func(ctx context.Context, tree fs.FS) (schema.Config, error) {
		in, err := pack(tree)
		if err != nil {
			return schema.Config{}, fmt.Errorf("reading the declarations: %w", err)
		}
		raw, err := pool.Run(ctx, evaluateTask(), in)
		if err != nil {
			return schema.Config{}, judged(err)
		}
		var out evaluated
		if err := json.Unmarshal(raw, &out); err != nil {
			return schema.Config{}, fmt.Errorf("evaluating the declarations: the worker answered something else: %w", err)
		}
		if len(out.Errors) > 0 {
			return out.Config, out.Errors
		}
		return out.Config, nil
	}
}

// Renderer renders charts in a worker; in and out are those of charts.RenderJSON.
func Renderer(pool *worker.Pool) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, in []byte) ([]byte, error) {
		return pool.Run(ctx, renderTask(), in)
	}
}

// judged tells declarations that ran into a limit, which is their fault, from a worker that failed, or that the
// machine had no time for, which is not.
func judged(err error) error {
	var failed *worker.Error
	if errors.As(err, &failed) && failed.Class != worker.Broken && failed.Class != worker.Busy {
		return schema.Errors{{Message: failed.Message}}
	}
	return err
}

// evaluated is what the worker answers: a configuration or what is wrong with it.
type evaluated struct {
	Config schema.Config `json:"config"`
	Errors schema.Errors `json:"errors,omitempty"`
}

// evaluate runs in the worker.
func evaluate(in []byte) ([]byte, error) {
	tree, err := zip.NewReader(bytes.NewReader(in), int64(len(in)))
	if err != nil {
		return nil, err
	}
	var out evaluated
	out.Config, err = schema.Load(tree)
	if err != nil && !errors.As(err, &out.Errors) {
		return nil, err
	}
	if err == nil {
		out.Errors = badKeys(out.Config)
	}
	return json.Marshal(out)
}

// badKeys are the mistakes in the keys that may sign revisions, which the schema takes for any text.
func badKeys(cfg schema.Config) schema.Errors {
	if cfg.Deployment.Verify == nil {
		return nil
	}
	var mistakes schema.Errors
	_, bad := signature.NewRing(cfg.Deployment.Verify.OpenPGP, cfg.Deployment.Verify.AllowedSigners)
	for _, b := range bad {
		path := schema.Path("deployment", "verify", b.Field, b.Name)
		mistakes = append(mistakes, schema.Error{Position: cfg.Positions[path], Path: path, Message: b.Err.Error()})
	}
	return mistakes
}

// patterns are the files that are declarations, by directory. Directories need not be there.
var patterns = []struct {
	dir   string
	names []string
}{
	{".", []string{"*.cue"}},
	{"clusters", data}, {"organizations", data}, {"providers", data}, {"allowlists", data}, {"removed", data},
}

var data = []string{"*.yaml", "*.json"}

// declarations names the files of a tree that are declarations. A directory that cannot be read is an error: what it declares is
// not known, which must not be taken for nothing.
func declarations(tree fs.FS) ([]string, error) {
	var out []string
	for _, p := range patterns {
		entries, err := fs.ReadDir(tree, p.dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		for _, e := range entries {
			if !e.IsDir() && matches(p.names, e.Name()) {
				out = append(out, path.Join(p.dir, e.Name()))
			}
		}
	}
	return out, nil
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// pack puts the declarations of a tree into one piece.
func pack(tree fs.FS) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	names, err := declarations(tree)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
