package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/render"
	"github.com/workspace-providers/reconcile/schema"
)

// Reader makes revisions of commits. Read must not be called twice at once.
type Reader struct {
	Origin   Origin
	Evaluate func(ctx context.Context, tree fs.FS) (schema.Config, error) // schema.Errors for what is invalid
	Resolver Resolver

	// Foreign says that the commits are not merged: charts come only from where the revision in force allows it
	// or, where it does not say, gets its own from.
	Foreign bool

	read map[string]reading // by Origin.Key
}

// Revision is a valid revision of the declarations; the zero Revision is none.
type Revision struct {
	Commit reconcile.Commit
	Config schema.Config
	Want   reconcile.Desired
	charts render.Charts
}

// Read makes a revision of a commit that may follow the one in force, or says why it is none: schema.Errors and
// what Invalid knows for what is wrong with it, any other error for what says nothing of it.
func (r *Reader) Read(ctx context.Context, commit reconcile.Commit, force Revision) (Revision, error) {
	cfg, err := r.load(ctx, commit.SHA)
	if err != nil {
		return Revision{}, err
	}
	if was := force.Config.Deployment.Name; was != "" && was != cfg.Deployment.Name {
		return Revision{}, schema.Errors{{
			Position: cfg.Positions["deployment"], Path: "deployment.name",
			Message: fmt.Sprintf("found %q, was %q: the name marks everything that was installed and cannot change "+
				"while the daemon runs; change it back", cfg.Deployment.Name, was),
		}}
	}
	was := Revision{Commit: commit, Config: cfg}
	if commit.SHA == force.Commit.SHA {
		was = force
	}
	return r.render(ctx, was, force)
}

// Again is a revision with its charts found anew: what a version or a tag names may move. Those that cannot be read now
// stay as they were.
func (r *Reader) Again(ctx context.Context, rev, force Revision) (Revision, error) {
	return r.render(ctx, rev, force)
}

// render finds the charts of a revision anew, or takes those that it had, and makes it with them. Where they are the
// same, so is all of it.
func (r *Reader) render(ctx context.Context, was, force Revision) (Revision, error) {
	tree, err := r.Origin.Charts(was.Commit.SHA)
	if err != nil {
		return Revision{}, err
	}
	found := r.resolve(ctx, was.Config, tree, force.Config)
	found.keep(was.charts)
	if was.charts != nil && reflect.DeepEqual(render.Charts(found), was.charts) {
		return was, nil
	}
	want, err := render.Render(was.Config, render.Charts(found), was.Commit)
	if err != nil {
		return Revision{}, schema.Errors{{Message: err.Error()}}
	}
	return Revision{was.Commit, was.Config, want, render.Charts(found)}, nil
}

// Invalid says whether an error is about the revision itself, now and whenever it is looked at. Every other
// one is about this machine or the network, and says nothing of what is declared.
func Invalid(err error) bool {
	var mistakes schema.Errors
	return errors.As(err, &mistakes) || errors.Is(err, git.ErrTooLarge) || errors.Is(err, git.ErrRefused)
}

// foundCharts are charts as they were just looked for.
type foundCharts render.Charts

// keep takes those that were found for the same revision before for those that cannot be read now: what is in
// force is not unknown because its repository went away.
func (f foundCharts) keep(before render.Charts) {
	for c, chart := range f {
		if was, there := before[c]; there && chart.Err != nil && was.Err == nil {
			f[c] = was
		}
	}
}

// reading is what evaluating one content of the declarations gave.
type reading struct {
	config schema.Config
	err    error
}

// keptReadings bounds how many evaluations are remembered; one may be some megabytes.
const keptReadings = 4

// load evaluates a commit, once for each content.
func (r *Reader) load(ctx context.Context, sha string) (schema.Config, error) {
	key, err := r.Origin.Key(sha)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return schema.Config{}, schema.Errors{{Message: fmt.Sprintf("found no folder of declarations (%v): "+
			"put it back, or correct --path", err)}}
	case err != nil:
		return schema.Config{}, err
	}
	if have, there := r.read[key]; there {
		return have.config, have.err
	}
	tree, err := r.Origin.Declarations(sha)
	if err != nil {
		return schema.Config{}, err
	}
	cfg, err := r.Evaluate(ctx, tree)
	if err != nil && !Invalid(err) {
		return schema.Config{}, err
	}
	if r.read == nil || len(r.read) >= keptReadings {
		r.read = map[string]reading{}
	}
	r.read[key] = reading{cfg, err}
	return cfg, err
}

// resolve finds all charts. One that cannot be found stops its own providers and nobody else.
func (r *Reader) resolve(ctx context.Context, cfg schema.Config, tree fs.FS, force schema.Config) foundCharts {
	allowed := allowedSources(cfg)
	if r.Foreign {
		allowed = trustedSources(force)
	}
	found := foundCharts{}
	for _, c := range render.Wanted(cfg) {
		chart, err := r.Resolver.Resolve(ctx, charts.Request{
			Ref:  charts.Ref{Name: c.Name, Version: c.Version, Repo: c.Repo, OCI: c.OCI, Path: c.Path, Digest: c.Digest},
			Tree: tree, Allowed: allowed,
		})
		found[c] = render.Chart{Chart: chart, Err: err}
	}
	return found
}

// Desired is what all clusters should hold by a configuration that is no revision yet; charts are found in tree and
// where it says.
func Desired(ctx context.Context, cfg schema.Config, tree fs.FS, resolver Resolver) (reconcile.Desired, error) {
	r := Reader{Resolver: resolver}
	return render.Render(cfg, render.Charts(r.resolve(ctx, cfg, tree, cfg)), reconcile.Commit{})
}

// allowedSources are the prefixes of sources that a configuration lets charts come from; empty: any.
func allowedSources(cfg schema.Config) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(cfg.Deployment.ChartSources)), func(prefix string) bool {
		return !cfg.Deployment.ChartSources[prefix]
	})
}

// trustedSources are those from where a configuration may get charts, or does where it may from anywhere. There is
// always one, since none would be any.
func trustedSources(force schema.Config) []string {
	if declared := allowedSources(force); len(declared) > 0 {
		return declared
	}
	out := []string{"charts in the repository itself"} // which need no permission, and which no URL begins with
	for _, c := range render.Wanted(force) {
		if from := cmp.Or(c.Repo, c.OCI); from != "" {
			out = append(out, from)
		}
	}
	return out
}
