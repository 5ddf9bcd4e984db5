package kube

import (
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// renderKey names what a release was rendered for.
type renderKey struct {
	release  releaseKey
	digest   string // of the inputs
	revision int    // that is to be made
	upgrade  bool   // whether it replaces one
}

// rendering is what a release was rendered to for a preview, which Helm need not do once more: what was shown is what is
// applied. It depends on what the cluster could do then.
type rendering struct {
	text    *charts.Text
	bodies  map[string][]byte // objects as JSON, by the digest of the document that holds nothing else
	version string            // of Kubernetes
	kinds   []string
}

// maxRendering bounds what is kept of one release, in bytes. The few that are larger are rendered once more.
const maxRendering = 64 << 10

// Rendered keeps what an action's release was rendered to, until it is carried out or many others were rendered since. What
// is held, cannot be known before, or is large, is not kept.
func (c *Cluster) Rendered(a reconcile.Action, in charts.Capabilities, out charts.Rendered) {
	s, err := c.current()
	if err != nil || !a.Acts() || out.Text == nil || len(a.Want.Release.References) > 0 || len(out.Text.Manifest) > maxRendering {
		return
	}
	r := &rendering{text: out.Text, bodies: map[string][]byte{}, version: in.KubeVersion, kinds: in.APIVersions}
	for _, o := range out.Objects {
		if o.Document != "" {
			r.bodies[o.Document] = o.Body
		}
	}
	key := renderKey{releaseKey{a.ID.Namespace, a.ID.Name}, a.Digest, a.Have.Revision + 1, a.Have.State != reconcile.Absent}
	s.rendered.Add(key, r)
}

// rendering gives away what the release was rendered to for a preview of just what is to be done now; nil: it was not, or
// the cluster has become another since.
func (op *operation) rendering() *rendering {
	key := renderKey{op.key, op.action.Digest, op.storage.newest() + 1, !op.storage.ended()}
	r, there := op.session.rendered.Get(key)
	if !there {
		return nil
	}
	op.session.rendered.Remove(key)
	caps := op.config.Capabilities
	if r.version != caps.KubeVersion.Version || !slices.Equal(r.kinds, []string(caps.APIVersions)) {
		return nil
	}
	return r
}

// stage has what was rendered applied in place of a chart, and the chart stored with it.
func (op *operation) stage(chrt *chart.Chart, values map[string]any, r *rendering) (*chart.Chart, error) {
	if err := chartutil.ProcessDependenciesWithMerge(chrt, values); err != nil {
		return nil, err
	}
	op.client.bodies, op.storage.chart = r.bodies, chrt
	return r.text.Chart(chrt), nil
}
