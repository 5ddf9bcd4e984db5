package render

import (
	"cmp"
	"fmt"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// rollout is how changes go out.
func rollout(r schema.Rollout) (reconcile.Rollout, error) {
	open, err := windows(r.Windows)
	out := reconcile.Rollout{
		Soak: time.Duration(r.Soak), MaxUnavailable: r.MaxUnavailable, Revert: r.OnFailure == "revert", Windows: open,
	}
	if o := r.Override; o != nil {
		out.Override = reconcile.Override{Reason: o.Reason, Until: o.Until}
	}
	return out, err
}

// accessURL is the deployment's access URL, and where and how it is looked at.
func accessURL(d schema.Deployment) reconcile.AccessURL {
	out := reconcile.AccessURL{URL: d.AccessURL, Previous: d.PreviousAccessURL, Path: healthPath(d.Generation)}
	if h := d.Health; h != nil {
		out.Path, out.CA, out.Confirmed, out.Image = cmp.Or(h.Path, out.Path), h.CA, h.Confirmed, h.ProbeImage
	}
	return out
}

// healthPath is where a deployment says that it is well unless it is declared.
func healthPath(generation string) string {
	if generation == "v1" {
		return "/cem-healthz"
	}
	return "/healthz"
}

// pace says of an item what decides when it goes out: the access URL that it is given, what follows when it does
// not work, and whether its chart fits the deployment.
func pace(it *reconcile.Item, cfg schema.Config, p schema.Provider) {
	it.AccessURL, it.OwnURL = cmp.Or(p.DeploymentURL, cfg.Deployment.AccessURL), p.DeploymentURL != ""
	r := cfg.Deployment.Rollout
	if own := cfg.Clusters[p.Cluster].Defaults.Rollout; own != nil {
		r = *own
	}
	if r.OnFailure == "revert" { // what failed goes back with all that changed with it
		it.Release.OnFailure = reconcile.Rollback
	}
	if p.Chart.Shape != "none" && it.Broken == "" {
		it.Skew, it.Risks = skew(cfg.Deployment.Version, it.Release.Chart.Version)
	}
}

// skew compares the version of a chart with the deployment's: providers and deployment are released together,
// and understand each other over one minor version. What cannot be compared is not.
func skew(deployment, chart string) (refused string, risks []string) {
	d, err := semver.NewVersion(deployment)
	if err != nil {
		return "", nil
	}
	c, err := semver.NewVersion(chart)
	if err != nil {
		return "", nil
	}
	text := fmt.Sprintf("the chart is %s, and the deployment %s", chart, deployment)
	switch apart := int64(d.Minor()) - int64(c.Minor()); {
	case d.Major() != c.Major() || apart < -1 || apart > 1:
		return text + ", more than one minor version apart", nil
	case apart != 0:
		return "", []string{reconcile.TooFar + text}
	}
	return "", nil
}
