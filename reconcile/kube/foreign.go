package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
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

	rel *release.Release
}

// Installed lists the releases of a cluster by its credentials alone, sorted by namespace and name: those in a
// namespace, or in all where that is empty, whose labels a selector matches. kubeContext is the declared one; empty: that which the
// daemon would take. Each is as its newest revision has it.
func (c Credentials) Installed(ctx context.Context, cluster, kubeContext, namespace, selector string) ([]Installed, error) {
	config, err := c.config(cluster, kubeContext)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	out, err := installed(ctx, client, namespace, selector)
	if err != nil {
		return nil, fmt.Errorf("releases of cluster %s: %w", cluster, err)
	}
	return out, nil
}

func installed(ctx context.Context, client kubernetes.Interface, namespace, selector string) ([]Installed, error) {
	labels := "owner=helm"
	if selector != "" {
		labels += "," + selector
	}
	newest, err := newestRevisions(ctx, client, namespace, labels)
	if err != nil {
		return nil, err
	}
	var out []Installed
	for _, rev := range newest {
		secret, err := client.CoreV1().Secrets(rev.namespace).Get(ctx, rev.key, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		rel, err := unpack(secret.Data["release"])
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", rev.namespace, rev.labels["name"], err)
		}
		out = append(out, Installed{
			Namespace: rev.namespace, Name: rel.Name, Chart: rel.Chart.Metadata.Name, Version: rel.Chart.Metadata.Version,
			Status: string(rev.status), Owner: rev.labels[markOwner], Manager: managerOf(rev.labels), Values: rel.Config, rel: rel,
		})
	}
	return out, nil
}

// placed is a revision and where it is.
type placed struct {
	revision
	namespace string
}

// newestRevisions are the newest revision of each release, by their labels alone.
func newestRevisions(ctx context.Context, client kubernetes.Interface, namespace, labels string) ([]placed, error) {
	found := map[releaseKey]placed{}
	o := metav1.ListOptions{LabelSelector: labels, Limit: 100}
	for {
		page, err := client.CoreV1().Secrets(namespace).List(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			rev, ok := revisionOf(&page.Items[i])
			key := releaseKey{page.Items[i].Namespace, rev.labels["name"]}
			if was, there := found[key]; ok && (!there || was.number < rev.number) {
				found[key] = placed{rev, page.Items[i].Namespace}
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
