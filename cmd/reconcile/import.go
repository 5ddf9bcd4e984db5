package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// adoption is what was asked of import.
type adoption struct {
	*settings
	wanted              []string // releases: name, or namespace/name
	namespace, selector string
	chart               string            // all releases of the chart of that name
	sources             map[string]string // by chart's name: where it comes from
	save                string            // directory for charts of which nobody says where they come from
	plain               []string          // paths of values that are no secrets, whatever they look like
	organizations       []string

	found []kube.Installed
	files []edit.Change
}

const importHelp = `import declares Helm releases that are there as providers, so that their plan is to be taken over and nothing
else: with the values that they were given, in their namespaces, under their names, and with release.adopt. Which, is
said by name (or namespace/name), by --namespace, by a label selector, by --chart, or all of these together; what other
tools manage, and what is one's own already, is left out and named.

Helm does not keep where a chart comes from. Say so for each with --source NAME=…: a repository's URL, oci://host/path,
or a directory of this repository; or keep the charts as the cluster has them with --save-charts DIR.

A value that looks like a secret is not written down: valuesFrom takes its place, and what Secret that wants is said. In
a list, where it cannot, nothing is imported before somebody says with --plain that it is none.
Enforcement is off in what is imported, so that nothing changes for anybody; take that out when the allowlist is right.`

const importExamples = `  # two releases, whose chart comes from a repository
  reconcile import frankfurt munich --cluster eu --source workspace-provider=https://charts.example.com

  # everything of one chart, with the chart as it is there
  reconcile import --cluster eu --chart workspace-provider --save-charts charts --pr`

func newImport(s *settings, io *streams) *cobra.Command {
	a := &adoption{settings: s}
	cmd := s.edits(io, &cobra.Command{
		Use: "import [RELEASE...] --cluster CLUSTER", Short: "Declare live Helm releases as providers",
		Long: importHelp, Example: importExamples, ValidArgsFunction: cobra.NoFileCompletions,
	}, func(args []string) editing {
		a.wanted = args
		return editing{
			prepare: func(ctx context.Context, before schema.Config, e *editing) error { return a.look(ctx, io, before, e) },
			change:  a.change,
			more:    func() []edit.Change { return a.files },
			after:   func(context.Context, schema.Config, schema.Config) string { return a.advice() },
			watch:   "reconcile --dry-run --cluster " + s.cluster,
		}
	})
	f := cmd.Flags()
	f.StringVarP(&a.namespace, "namespace", "n", "", "releases of this `namespace`; left out: of all")
	f.StringVarP(&a.selector, "selector", "l", "", "releases with these `labels`, such as team=blue")
	f.StringVar(&a.chart, "chart", "", "releases of the chart of this `name`")
	f.StringToStringVar(&a.sources, "source", nil, "where a chart comes from, as `NAME=SOURCE`")
	f.StringVar(&a.save, "save-charts", "", "keep the charts of which nobody says where they come from in this `directory` of the repository")
	f.StringArrayVar(&a.plain, "plain", nil, "`path` of a value that may be written down though it looks like a secret, such as env[0].value")
	f.StringSliceVar(&a.organizations, "allow", nil, "`organizations` that may create environments there")
	s.completeFlags(cmd, map[string]cobra.CompletionFunc{"allow": s.completesAny(organizationNames)})
	return cmd
}

// look finds the releases, and what is to be known of them before anything is declared.
func (a *adoption) look(ctx context.Context, io *streams, before schema.Config, e *editing) error {
	if err := a.asked(); err != nil {
		return err
	}
	cluster, there := before.Clusters[a.cluster]
	if !there {
		return undeclared("cluster", a.cluster, clusterNames(before))
	}
	ctx, cancel := context.WithTimeout(ctx, min(a.timeout, 30*time.Second))
	defer cancel()
	all, err := a.kubeCredentials().Installed(ctx, a.cluster, cluster.Context, a.choice())
	if err != nil {
		return err
	}
	for _, one := range all {
		if a.meant(one) && !leftOut(io, one) {
			a.found = append(a.found, one)
		}
	}
	if err := a.missing(all); err != nil {
		return err
	}
	if len(a.found) == 0 {
		return fmt.Errorf("import: there is no such release in cluster %s that could be taken over", a.cluster)
	}
	e.message = fmt.Sprintf("Import %d releases of cluster %s", len(a.found), a.cluster)
	if len(a.found) == 1 {
		e.message = fmt.Sprintf("Import release %s of cluster %s", a.found[0].Name, a.cluster)
	}
	return errors.Join(a.open(), a.keepCharts())
}

// asked checks that it is said what to import.
func (a *adoption) asked() error {
	switch {
	case a.cluster == "":
		return errors.New("import: say which cluster with --cluster")
	case len(a.wanted) == 0 && a.namespace == "" && a.selector == "" && a.chart == "":
		return errors.New("import: say which releases: by name, --namespace, --selector or --chart")
	case a.save != "" && !localPath(a.save):
		return fmt.Errorf("--save-charts %q: it must be a directory below the declarations", a.save)
	}
	return nil
}

// choice is which releases to look at.
func (a *adoption) choice() kube.Choice {
	return kube.Choice{Namespace: a.namespace, Selector: a.selector, Names: a.wanted}
}

// meant says whether a release is of the chart that was asked for, as far as that is known.
func (a *adoption) meant(one kube.Installed) bool {
	return a.chart == "" || one.Unread != nil || one.Chart == a.chart
}

// missing says which releases were named and are not there.
func (a *adoption) missing(all []kube.Installed) error {
	for _, name := range a.wanted {
		named := kube.Choice{Names: []string{name}}
		if !slices.ContainsFunc(all, func(one kube.Installed) bool { return named.Means(one.Namespace, one.Name) }) {
			return fmt.Errorf("import: there is no release %q in cluster %s, as far as --namespace and --selector go", name, a.cluster)
		}
	}
	return nil
}

// leftOut says of a release that cannot be taken over why not.
func leftOut(io *streams, one kube.Installed) bool {
	why := ""
	switch {
	case one.Unread != nil:
		why = one.Unread.Error()
	case one.Owner != "":
		why = "it belongs to the deployment " + one.Owner
	case one.Manager != "":
		why = "it is managed by " + one.Manager + "; take it from there first"
	case one.Status != "deployed":
		why = "it is " + one.Status + ": mend it first, or wait"
	}
	if why != "" {
		fmt.Fprintf(io.err, "left out: %s/%s: %s\n", one.Namespace, one.Name, why)
	}
	return why != ""
}

// keepCharts keeps charts of which nobody says where they come from, where that was asked for, and asks otherwise.
func (a *adoption) keepCharts() error {
	var open []string
	for _, one := range a.found {
		if _, known := a.sources[one.Chart]; known {
			continue
		}
		if a.save == "" {
			question := fmt.Sprintf("where does chart %s come from? --source %s=https://… or oci://… or a directory; or --save-charts charts", one.Chart, one.Chart)
			if !slices.Contains(open, question) {
				open = append(open, question)
			}
			continue
		}
		if err := a.keepChart(one); err != nil {
			return err
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("import: Helm does not keep this, and it must be declared:\n  %s", strings.Join(open, "\n  "))
	}
	return nil
}

// keepChart has the files of a release's chart written, once.
func (a *adoption) keepChart(one kube.Installed) error {
	dir := a.chartDir(one)
	if slices.ContainsFunc(a.files, func(c edit.Change) bool { return strings.HasPrefix(c.Name, dir+"/") }) {
		return nil
	}
	files, err := one.ChartFiles()
	if err != nil {
		return err
	}
	for _, name := range sortedNames(files) {
		a.files = append(a.files, edit.Change{Name: path.Join(dir, name), After: append([]byte{}, files[name]...), Brief: true})
	}
	return nil
}

// chartDir is where a release's chart is kept.
func (a *adoption) chartDir(one kube.Installed) string {
	return path.Join(a.save, one.Chart+"-"+one.Version)
}

// localPath says whether a path stays below the declarations.
func localPath(name string) bool {
	return !path.IsAbs(name) && path.Clean(name) != ".." && !strings.HasPrefix(path.Clean(name), "../")
}
