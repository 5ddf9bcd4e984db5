package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/yaml"
)

// Installed is a Helm release as it is in a cluster, whoever installed it.
type Installed struct {
	Namespace, Name string
	Chart, Version  string
	Status          string         // Helm's: "deployed"
	Owner           string         // the deployment that it belongs to; empty: none of ours
	Manager         string         // another tool that manages it; empty: none
	Values          map[string]any // that somebody gave it
	Unread          error          // why it could not be read; nothing but its place, status, owner and manager is known then

	rel *release.Release
}

// Choice says which releases are meant; the zero Choice means all.
type Choice struct {
	Namespace string   // empty: all of them
	Selector  string   // of labels; empty: whatever labels
	Names     []string // each a name, or namespace/name; none: whatever name
}

// Means says whether a release is among those that were named.
func (c Choice) Means(namespace, name string) bool {
	return len(c.Names) == 0 || slices.Contains(c.Names, name) || slices.Contains(c.Names, namespace+"/"+name)
}

// labels selects the Secrets of releases, those of other names left out by the server.
func (c Choice) labels() string {
	out := "owner=helm"
	if c.Selector != "" {
		out += "," + c.Selector
	}
	if len(c.Names) == 0 {
		return out
	}
	var names []string
	for _, name := range c.Names {
		names = append(names, path.Base(name))
	}
	return out + ",name in (" + strings.Join(names, ",") + ")"
}

// Installed lists the releases of a cluster that are meant, by its credentials alone, sorted by namespace and name.
// kubeContext is the declared one; empty: that which the daemon would take. Each is as its newest revision has it; one
// that may not be read says so itself, since an account need not be one for all namespaces.
func (c Credentials) Installed(ctx context.Context, cluster, kubeContext string, of Choice) ([]Installed, error) {
	config, err := c.config(cluster, kubeContext)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	out, err := installed(ctx, client, meta, of)
	if err != nil {
		return nil, fmt.Errorf("releases of cluster %s: %w", cluster, err)
	}
	return out, nil
}

func installed(ctx context.Context, client kubernetes.Interface, meta metadata.Interface, of Choice) ([]Installed, error) {
	newest, err := newestRevisions(ctx, meta, of)
	if err != nil {
		return nil, err
	}
	var out []Installed
	for _, rev := range newest {
		one := Installed{
			Namespace: rev.namespace, Name: rev.labels["name"], Status: string(rev.status),
			Owner: rev.labels[markOwner], Manager: managerOf(rev.labels),
		}
		switch err := one.read(ctx, client, rev.key); {
		case apierrors.IsNotFound(err):
			continue // it went while we looked
		case apierrors.IsForbidden(err):
			one.Unread = err
		case err != nil:
			return nil, fmt.Errorf("%s/%s: %w", one.Namespace, one.Name, err)
		}
		out = append(out, one)
	}
	return out, nil
}

// read reads what is only in the Secret of a revision.
func (i *Installed) read(ctx context.Context, client kubernetes.Interface, secret string) error {
	stored, err := client.CoreV1().Secrets(i.Namespace).Get(ctx, secret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if i.rel, err = unpack(stored.Data["release"]); err != nil {
		return err
	}
	i.Chart, i.Version, i.Values = i.rel.Chart.Metadata.Name, i.rel.Chart.Metadata.Version, i.rel.Config
	return nil
}

// placed is a revision and where it is.
type placed struct {
	revision
	namespace string
}

// newestRevisions are the newest revision of each release, by their labels alone.
func newestRevisions(ctx context.Context, meta metadata.Interface, of Choice) ([]placed, error) {
	found := map[releaseKey]placed{}
	o := metav1.ListOptions{LabelSelector: of.labels(), Limit: 500}
	for {
		page, err := meta.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(of.Namespace).List(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			rev, ok := revisionOf(&page.Items[i])
			key := releaseKey{page.Items[i].Namespace, rev.labels["name"]}
			if was, there := found[key]; ok && of.Means(key.namespace, key.name) && (!there || was.number < rev.number) {
				found[key] = placed{rev, key.namespace}
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			break
		}
	}
	out := make([]placed, 0, len(found))
	for _, one := range found {
		if one.status != release.StatusUninstalled {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b placed) int {
		return strings.Compare(a.namespace+"/"+a.labels["name"], b.namespace+"/"+b.labels["name"])
	})
	return out, nil
}

// ChartFiles are the files of its chart, by path below the chart's directory, as Helm has kept them: defaults without
// their comments. A chart that consists of others cannot be had, since Helm does not keep those.
func (i Installed) ChartFiles() (map[string][]byte, error) {
	c := i.rel.Chart
	if len(c.Metadata.Dependencies) > 0 {
		return nil, fmt.Errorf("chart %s has dependencies, which Helm does not keep: say where it comes from", i.Chart)
	}
	meta, err := yaml.Marshal(c.Metadata)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{"Chart.yaml": meta}
	if len(c.Values) > 0 {
		if out["values.yaml"], err = yaml.Marshal(c.Values); err != nil {
			return nil, err
		}
	}
	if len(c.Schema) > 0 {
		if !json.Valid(c.Schema) {
			return nil, fmt.Errorf("chart %s: its schema of values is damaged", i.Chart)
		}
		out["values.schema.json"] = c.Schema
	}
	for _, f := range slices.Concat(c.Templates, c.Files) {
		if f.Name != path.Clean(f.Name) || path.IsAbs(f.Name) || strings.HasPrefix(f.Name, "..") {
			return nil, fmt.Errorf("chart %s: it has a file %q, which is outside of it", i.Chart, f.Name)
		}
		out[f.Name] = f.Data
	}
	return out, nil
}
