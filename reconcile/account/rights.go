package account

import (
	"fmt"
	"io/fs"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/examples/install"
)

// rights are the objects of the daemon's chart that make an account.
func (a Account) rights() ([]*unstructured.Unstructured, error) {
	ch, err := daemonChart()
	if err != nil {
		return nil, err
	}
	own, err := a.values()
	if err != nil {
		return nil, err
	}
	values, err := chartutil.ToRenderValues(ch, own, chartutil.ReleaseOptions{Name: a.Name, Namespace: a.Namespace, Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	values["Release"].(map[string]any)["Service"] = fieldManager // Helm knows nothing of it
	files, err := engine.Render(ch, values)
	if err != nil {
		return nil, err
	}
	for name := range files {
		if strings.HasSuffix(name, ".txt") {
			delete(files, name)
		}
	}
	_, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, m := range manifests {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(m.Content), &object.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		out = append(out, object)
	}
	return out, nil
}

// daemonChart loads the chart that is part of this program.
func daemonChart() (*chart.Chart, error) {
	var files []*loader.BufferedFile
	err := fs.WalkDir(install.Chart, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(install.Chart, path)
		files = append(files, &loader.BufferedFile{Name: strings.TrimPrefix(path, "reconcile/"), Data: text})
		return err
	})
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}
