package charts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// What one release may become. The API server takes 1 MiB in a Secret, which holds some 8 MB of
// manifests at most; 2,000 objects is ten times the largest public chart.
const (
	maxObjects   = 2_000
	maxManifests = 8 << 20
)

// RenderInput is everything a chart can see when it is rendered.
type RenderInput struct {
	Archive      []byte
	Namespace    string
	Name         string
	Revision     int  // of the release that is to be; 0: 1
	Upgrade      bool // whether it replaces one
	Values       Values
	Capabilities Capabilities
}

// Capabilities are what a cluster can do, as far as charts ask. The zero value stands for a cluster that
// was not asked.
type Capabilities struct {
	KubeVersion string   `json:"kubeVersion,omitempty"` // "v1.37.2"
	APIVersions []string `json:"apiVersions,omitempty"` // "apps/v1", "apps/v1/Deployment"
}

// Rendered is what a release would put into the cluster.
type Rendered struct {
	Objects []Object `json:"objects,omitempty"` // in the order in which Helm installs them
	Hooks   []Hook   `json:"hooks,omitempty"`   // by weight, kind and name
	CRDs    []Object `json:"crds,omitempty"`    // from crds/, which Helm only ever creates
	Size    int      `json:"size"`              // bytes of Helm's record of it; an upper bound while far from the limit
	Risks   []string `json:"risks,omitempty"`   // what a person should know, sorted
	Text    *Text    `json:"text,omitempty"`    // the same as Helm has it; nil where it would render differently
}

// Render renders one release. It is pure: no network, no files, no lookup in a cluster, no DNS. It has no
// bound on time and memory of its own, so run it in a limited process where the chart or the values
// come from somebody else. Errors are for good: the same input gives the same error.
func Render(in RenderInput) (Rendered, error) {
	p, err := prepare(in.Archive)
	if err != nil {
		return Rendered{}, err
	}
	return p.render(in)
}

func (p *prepared) render(in RenderInput) (Rendered, error) {
	out, err := p.renderChart(in)
	if err != nil {
		return Rendered{}, fmt.Errorf("render chart %s as %s/%s: %w", p.info.Name, in.Namespace, in.Name, err)
	}
	return out, nil
}

func (p *prepared) renderChart(in RenderInput) (Rendered, error) {
	ch, files, err := p.execute(in)
	if err != nil {
		return Rendered{}, err
	}
	var out Rendered
	risks := riskSet{}
	if out.CRDs, err = p.readCRDs(ch); err != nil {
		return Rendered{}, err
	}
	notes := takeNotes(ch, files)
	read, err := readManifests(files, in.Namespace, risks)
	if err != nil {
		return Rendered{}, err
	}
	out.Objects, out.Hooks = read.objects, read.hooks
	if len(out.Objects)+len(out.Hooks)+len(out.CRDs) == 0 {
		return Rendered{}, errors.New("it makes no objects; see that the chart has templates " +
			"and that its values do not turn them all off")
	}
	if out.Size, err = releaseSize(in, ch, files); err != nil {
		return Rendered{}, err
	}
	risks.sized(out.Size)
	risks.capable(p.info, in.Capabilities)
	risks.objects(in, out)
	repeatable, err := p.repeatable(in, ch, files, risks)
	if err != nil {
		return Rendered{}, err
	}
	if repeatable {
		out.Text = read.text(notes)
	}
	out.Risks = risks.list()
	return out, nil
}

// repeatable says whether the same would come out another time, and in the cluster, and notes what would not: first by
// reading the templates and, where reading does not tell, by rendering once more.
func (p *prepared) repeatable(in RenderInput, ch *chart.Chart, files map[string]string, risks riskSet) (bool, error) {
	calls := p.functions(ch, in.Values)
	for _, call := range calls.certain {
		risks.add("not reproducible", call)
	}
	if len(calls.certain) > 0 || !calls.unsure {
		return len(calls.certain) == 0, nil
	}
	_, again, err := p.execute(in)
	same := err == nil
	for name, text := range files {
		if err == nil && again[name] != text {
			same = false
			risks.add("not reproducible", "renders differently each time: "+name)
		}
	}
	return same, err
}

// execute does what Helm does on an install up to the rendered text, which it returns by template.
func (p *prepared) execute(in RenderInput) (*chart.Chart, map[string]string, error) {
	ch := Copy(p.loaded)
	caps, err := in.Capabilities.helm()
	if err != nil {
		return nil, nil, err
	}
	if err := in.Capabilities.fits(ch.Metadata.KubeVersion, caps); err != nil {
		return nil, nil, err
	}
	if err := chartutil.ProcessDependenciesWithMerge(ch, chartutil.Values(in.Values)); err != nil {
		return nil, nil, err
	}
	options := chartutil.ReleaseOptions{Name: in.Name, Namespace: in.Namespace,
		Revision: max(in.Revision, 1), IsInstall: !in.Upgrade, IsUpgrade: in.Upgrade}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(ch, in.Values, options, caps, true)
	if err != nil {
		return nil, nil, err
	}
	if err := p.validate(ch, top["Values"]); err != nil {
		return nil, nil, err
	}
	files, err := engine.Engine{}.Render(ch, top)
	if err != nil {
		return nil, nil, err
	}
	return ch, files, bounded(files)
}

// bounded takes away what is empty and sees that the rest is not too large.
func bounded(files map[string]string) error {
	size := 0
	for _, name := range slices.Collect(maps.Keys(files)) {
		if strings.TrimSpace(files[name]) == "" {
			delete(files, name)
		}
		size += len(files[name])
	}
	if size > maxManifests {
		return fmt.Errorf("it makes %d MB of manifests, more than %d; make it smaller by its values",
			size>>20, maxManifests>>20)
	}
	return nil
}

// helm writes the capabilities as Helm has them. A cluster that was not asked can do what the newest can.
func (c Capabilities) helm() (*chartutil.Capabilities, error) {
	caps := chartutil.DefaultCapabilities.Copy()
	if c.KubeVersion == "" {
		c.KubeVersion = assumedVersion
	}
	v, err := chartutil.ParseKubeVersion(c.KubeVersion)
	if err != nil {
		return nil, fmt.Errorf("version of Kubernetes %q: %w", c.KubeVersion, err)
	}
	caps.KubeVersion = chartutil.KubeVersion{Version: c.KubeVersion, Major: v.Major, Minor: v.Minor}
	if len(c.APIVersions) > 0 {
		caps.APIVersions = c.APIVersions
	}
	return caps, nil
}

// assumedVersion is the version of the Kubernetes libraries in go.mod.
const assumedVersion = "v1.37.0"
