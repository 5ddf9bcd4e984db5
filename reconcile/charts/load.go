package charts

import (
	"bytes"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// Load scans an archive and loads it. Helm changes a chart when it works out its dependencies: Copy it for each use.
// Helm's own validation of values must be off (SkipSchemaValidation) wherever the chart is used, since it fetches what
// a schema refers to; Render has validated them.
func Load(archive []byte) (*chart.Chart, error) {
	p, err := prepare(archive)
	if err != nil {
		return nil, err
	}
	return p.loaded, nil
}

// prepared is a chart of which everything is kept that does not depend on a release.
type prepared struct {
	info      Info
	loaded    *chart.Chart                  // of which everybody gets a copy
	schemas   map[string]*jsonschema.Schema // by text
	templates map[string]template           // by text
	crds      map[string][]Object           // by text
}

func prepare(archive []byte) (*prepared, error) {
	info, err := Scan(archive)
	if err != nil {
		return nil, err
	}
	files, err := loader.LoadArchiveFiles(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", info.Name, err)
	}
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", info.Name, err)
	}
	return &prepared{info, loaded, map[string]*jsonschema.Schema{}, map[string]template{}, map[string][]Object{}}, nil
}
