package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/examples/charts"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// beginning is what was asked of init.
type beginning struct {
	*settings
	name, accessURL, generation string
	address, providerName, host string
	organizations               []string
	chartPath, forge, owner     string
	namespace, label            string
	shapes                      bool
}

const initHelp = `init makes a repository of declarations that is ready to be pushed: a deployment, a cluster, a first provider with
its chart and its allowlist, and what people and forges need around that: CODEOWNERS, settings of editors, and a check
by continuous integration that runs reconcile vet, and reconcile --dry-run where it may reach the clusters. On a terminal
it asks for what is missing. A file that is there is never overwritten: then nothing is written at all.

With --shapes there is shapes.cue as well: how the keys of the charts' values follow from declarations, to be changed.`

func newInit(s *settings, io *streams) *cobra.Command {
	b := &beginning{settings: s}
	cmd := &cobra.Command{
		Use: "init [DIR]", Short: "Make a new repository of declarations, ready to be pushed", Long: initHelp,
		Example: "  reconcile init providers --name acme --access-url https://coder.example.com --cluster eu \\\n    --cluster-address https://eu.example.com:6443 --first-provider frankfurt",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				s.dir = args[0]
			}
			return b.run(cmd.Context(), io)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.name, "name", "", "`name` of the deployment, a DNS label")
	f.StringVar(&b.accessURL, "access-url", "", "`URL` at which developers reach it")
	f.StringVar(&b.generation, "generation", "v1", "which keys the charts' values have: v1 or v2")
	f.StringVar(&b.address, "cluster-address", "", "`URL` of the API of --cluster")
	f.StringVar(&b.providerName, "first-provider", "", "`name` of a first provider, in --cluster")
	f.StringVar(&b.host, "hostname", "", "`host` of the first provider; left out: its name below the host of the access URL")
	f.StringSliceVar(&b.organizations, "organizations", nil, "`names` of organizations, which may all use the first provider")
	f.StringVar(&b.namespace, "namespace", "", "`namespace` of providers that name none; left out: coder")
	f.StringVar(&b.label, "organization-label", "", "label `key` that says whose an environment is, such as example.com/organization")
	f.StringVar(&b.chartPath, "chart-path", "", "`directory` of the chart; left out: one is put there to begin with")
	f.StringVar(&b.forge, "forge", "github", "where it is pushed to: github, gitlab, gitea or none")
	f.StringVar(&b.owner, "owner", "", "who reviews changes, for CODEOWNERS, such as @acme/platform")
	f.BoolVar(&b.shapes, "shapes", false, "write shapes.cue as well")
	s.completeFlags(cmd, map[string]cobra.CompletionFunc{
		"generation": fixed("v1", "v2"), "forge": fixed("github", "gitlab", "gitea", "none"),
	})
	return cmd
}

func (b *beginning) run(ctx context.Context, io *streams) error {
	if err := b.complete(ctx, io); err != nil {
		return err
	}
	if err := b.chartIsThere(); err != nil {
		return err
	}
	changes, err := b.files()
	if err != nil {
		return err
	}
	if err := absent(b.dir, changes); err != nil {
		return err
	}
	files, err := edit.Read(embed.FS{}) // nothing
	if err != nil {
		return err
	}
	if _, err := source.Evaluator(&worker.Pool{})(ctx, files.Tree(changes)); err != nil {
		return refused(io, "nothing is written, since it would not be valid\n", err)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	if err := edit.Write(b.dir, changes); err != nil {
		return err
	}
	var told strings.Builder
	for _, c := range changes {
		fmt.Fprintln(&told, filepath.ToSlash(filepath.Join(b.dir, c.Name)))
	}
	return say(io, told.String()+b.next())
}

// complete asks for what is missing where somebody can answer, and else says what that is.
func (b *beginning) complete(ctx context.Context, io *streams) error {
	q := questions(io)
	q.ask(ctx, &b.name, "name of the deployment", "--name")
	q.ask(ctx, &b.accessURL, "URL at which developers reach it", "--access-url")
	q.ask(ctx, &b.cluster, "name of a first cluster", "--cluster")
	q.ask(ctx, &b.providerName, "name of a first provider there", "--first-provider")
	if b.chartPath == "" && b.generation == "v1" { // that chart wants it
		q.ask(ctx, &b.address, "URL of the cluster's API, as environments see it", "--cluster-address")
	}
	if len(q.missing) == 0 {
		q.list(ctx, &b.organizations, "organizations, which may all use it; none: developers")
	}
	if err := q.done("init"); err != nil {
		return err
	}
	switch {
	case b.generation != "v1" && b.generation != "v2":
		return fmt.Errorf("--generation %q: it must be v1 or v2", b.generation)
	case ciFile(b.forge) == "" && b.forge != "none":
		return fmt.Errorf("--forge %q: it must be github, gitlab, gitea or none", b.forge)
	}
	if _, host, ok := strings.Cut(b.accessURL, "://"); ok && b.host == "" {
		host, _, _ = strings.Cut(host, ":")
		b.host = b.providerName + "." + host
	}
	if len(b.organizations) == 0 {
		b.organizations = []string{"developers"}
	}
	return nil
}

// chartIsThere checks that there is a chart where it was said.
func (b *beginning) chartIsThere() error {
	if b.chartPath == "" {
		return nil
	}
	file := filepath.Join(b.dir, filepath.FromSlash(b.chartPath), "Chart.yaml")
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("--chart-path %q: there is no chart: %w; put it there first, or leave --chart-path out: then there is one to begin with",
			b.chartPath, err)
	}
	return nil
}

// absent checks that nothing is overwritten.
func absent(dir string, changes []edit.Change) error {
	var there []string
	for _, c := range changes {
		if _, err := os.Lstat(filepath.Join(dir, c.Name)); err == nil {
			there = append(there, c.Name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(there) > 0 {
		some, more := there[:min(len(there), 5)], ""
		if n := len(there) - len(some); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		return fmt.Errorf("init: nothing is written, since this is there already: %s%s; name a directory without it, "+
			"or take it away first", strings.Join(some, ", "), more)
	}
	return nil
}

// files are what is written.
func (b *beginning) files() ([]edit.Change, error) {
	text := map[string]string{
		"deployment.cue": b.deployment(), "clusters.cue": b.clusterFile(), "organizations.cue": b.organizationFile(),
		"providers.cue": b.providerFile(), "allowlists.cue": b.allowlistFile(),
		".editorconfig": editorConfig, ".gitignore": gitIgnore, "README.md": b.readme(),
	}
	if ci := ciFile(b.forge); ci != "" {
		text[ci] = ciText(b.forge)
	}
	if owners := ownersFile(b.forge); owners != "" {
		text[owners] = b.owners()
	}
	if b.shapes {
		text["shapes.cue"] = schema.Shapes()
	}
	if b.chartPath == "" {
		if err := addChart(text, b.chartName()); err != nil {
			return nil, err
		}
	}
	var out []edit.Change
	for _, name := range sortedNames(text) {
		out = append(out, edit.Change{Name: name, After: edit.Layout(name, []byte(text[name]))})
	}
	return out, nil
}

// chartName is the chart that a deployment of that generation takes.
func (b *beginning) chartName() string {
	if b.generation == "v2" {
		return "provisioner"
	}
	return "workspace-provider"
}

// addChart adds the files of an example chart.
func addChart(text map[string]string, name string) error {
	return fs.WalkDir(charts.Files, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(charts.Files, file)
		text[path.Join("charts", file)] = string(content)
		return err
	})
}

// next says what to do now.
func (b *beginning) next() string {
	git, own := gitIn(b.dir), *b.settings
	if own.clusters == "" && own.credentials == "" {
		own.clusters = "." // where bootstrap puts the kubeconfig then
	}
	return fmt.Sprintf(`next:
  %[1]s init --initial-branch main
  %[1]s add . && %[1]s commit -m "Begin" && %[1]s remote add origin URL && %[1]s push -u origin main
  %[2]s
  %[3]s
`, git, b.bootstrapCommand(b.cluster), own.here("reconcile --dry-run"))
}
