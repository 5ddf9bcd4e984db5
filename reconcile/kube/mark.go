package kube

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/admission"
)

// Our marks stand as labels on the Secrets that Helm keeps releases in. They say whose a release is and
// what it was made from; whoever lists them knows everything that a plan needs. They are part of what
// users may rely on.
const (
	markPrefix       = "reconcile.workspace-providers.dev/"
	markOwner        = admission.LabelOwner        // name of the deployment
	markProvider     = admission.LabelProvider     // key of the provider
	markOrganization = markPrefix + "organization" // where there is a release for each
	markDigest       = admission.LabelDigest       // of the inputs, 40 hex digits
	markAttempted    = markPrefix + "attempted"    // on a rollback: digest of the inputs that failed
	markPolicy       = markPrefix + "deletion"     // what happens when it is not declared any more
	markChart        = markPrefix + "chart"        // name of the chart
	markVersion      = markPrefix + "version"      // version of the chart
	markAccessURL    = markPrefix + "access-url"   // that the release was given; see urlMark
	markCommit       = markPrefix + "commit"       // the revision of the declarations that made it what it is; see commitMark
	markRevision     = markPrefix + "revision"     // number of the revision: Helm copies labels to the next one, whoever makes it
)

// marks are the labels for a revision that an action makes.
func marks(owner string, a reconcile.Action) map[string]string {
	out := map[string]string{
		markOwner: owner, markProvider: a.Provider, markDigest: a.Digest,
		markPolicy: string(a.Want.Release.Deletion), markChart: a.Want.Release.Chart.Name,
		markVersion: labelValue(a.Want.Release.Chart.Version), markAttempted: "",
		markOrganization: a.Organization, // empty too: Helm would keep that of the revision before
		markAccessURL:    urlMark(a.Want.AccessURL, a.Want.OwnURL),
		markCommit:       commitMark(a.Commit.SHA),
	}
	return out
}

// commitMark writes a revision of the declarations as a label's value, which takes no colon: "dir:ab12" is
// "dir.ab12". One that does not fit is left out, and stands in the record alone.
func commitMark(sha string) string {
	mark := strings.Replace(sha, ":", ".", 1)
	if len(mark) > maxMark || !labelText.MatchString(mark) || commitOf(mark) != sha {
		return ""
	}
	return mark
}

// labelText is what a label's value may consist of.
var labelText = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$`)

// commitOf reads what commitMark wrote.
func commitOf(mark string) string { return strings.Replace(mark, ".", ":", 1) }

// maxMark is how long a label's value may be.
const maxMark = 63

// labelValue makes a chart version fit a label: build metadata begins with a plus, which labels do not
// take.
func labelValue(version string) string {
	out := []byte(version)
	for i, b := range out {
		if b == '+' {
			out[i] = '_'
		}
	}
	return string(out[:min(len(out), maxMark)])
}

// revision is one revision of a release as the labels of its Secret tell it.
type revision struct {
	key     string // name of the Secret
	version string // its resourceVersion
	number  int
	status  release.Status
	labels  map[string]string
	made    time.Time
}

// ours says whether we made the revision, and not somebody with the stock helm, which copies our marks.
func (r revision) ours() bool { return r.labels[markRevision] == strconv.Itoa(r.number) }

// revisionOf reads the labels of a release Secret; ok is false where they are not a release's.
func revisionOf(secret metav1.Object) (rev revision, ok bool) {
	labels := secret.GetLabels()
	number, err := strconv.Atoi(labels["version"])
	if err != nil || labels["name"] == "" {
		return revision{}, false
	}
	return revision{
		key: secret.GetName(), version: secret.GetResourceVersion(), number: number,
		status: release.Status(labels["status"]), labels: labels, made: secret.GetCreationTimestamp().Time,
	}, true
}

// observe tells the state of a release from its revisions, sorted by number.
func observe(revs []revision) reconcile.Observed {
	last := revs[len(revs)-1]
	obs := reconcile.Observed{Revision: last.number, State: stateOf(last.status)}
	force := last
	for _, rev := range revs {
		if rev.status == release.StatusDeployed {
			force = rev
		}
	}
	if force.status == release.StatusDeployed {
		obs.InForce = force.number
	}
	if force.status == release.StatusDeployed && force.ours() {
		obs.Digest, obs.Attempted = force.labels[markDigest], force.labels[markAttempted]
	}
	if obs.State == reconcile.Failed && last.ours() {
		obs.Attempted = last.labels[markDigest]
	}
	obs.Owner, obs.Policy = last.labels[markOwner], reconcile.Policy(last.labels[markPolicy])
	obs.Provider, obs.Organization = last.labels[markProvider], last.labels[markOrganization]
	obs.ChartName, obs.ChartVersion = force.labels[markChart], force.labels[markVersion]
	obs.Manager = managerOf(last.labels)
	obs.Begun = begun(last)
	if last.ours() {
		obs.Commit = commitOf(last.labels[markCommit])
	}
	obs.AccessURL, obs.FormerURL, obs.OwnURL = urlsOf(revs, force)
	return obs
}

// begun is the digest of what was begun and not finished: going back is no beginning.
func begun(last revision) string {
	if last.ours() && (last.status == release.StatusPendingInstall || last.status == release.StatusPendingUpgrade) {
		return last.labels[markDigest]
	}
	return ""
}

// urlsOf are the marks of the access URL that the revision in force was given, and of the one before it where
// that is another. One that was its provider's alone is never anybody's former one.
func urlsOf(revs []revision, force revision) (now, former string, own bool) {
	if !force.ours() {
		return "", "", false
	}
	now, own = strings.CutPrefix(force.labels[markAccessURL], ownMark)
	for _, rev := range slices.Backward(revs) {
		if rev.number < force.number && rev.status == release.StatusSuperseded && rev.ours() {
			before, others := strings.CutPrefix(rev.labels[markAccessURL], ownMark)
			if others || before == now {
				before = ""
			}
			return now, before, own
		}
	}
	return now, "", own
}

// stateOf translates Helm's state.
func stateOf(status release.Status) reconcile.State {
	switch {
	case status == release.StatusDeployed:
		return reconcile.Deployed
	case status.IsPending():
		return reconcile.Pending
	case status == release.StatusUninstalling:
		return reconcile.Uninstalling
	case status == release.StatusUninstalled:
		return reconcile.Absent
	}
	return reconcile.Failed // failed, superseded with nothing after it, or unknown
}

// managerOf names another tool that manages the release.
func managerOf(labels map[string]string) string {
	for label, tool := range map[string]string{
		"helm.toolkit.fluxcd.io/name": "Flux", "kustomize.toolkit.fluxcd.io/name": "Flux",
		"argocd.argoproj.io/instance": "Argo CD", "fleet.cattle.io/managed": "Fleet",
		"objectset.rio.cattle.io/hash": "Fleet", "helmfile.helmfile.com/managed": "Helmfile",
	} {
		if _, there := labels[label]; there {
			return tool
		}
	}
	return ""
}
