package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ID names one thing in one cluster. Kind is "Release" or kubectl's full name of a
// resource, such as "validatingadmissionpolicies.admissionregistration.k8s.io".
type ID struct {
	Cluster   string
	Kind      string
	Namespace string
	Name      string
}

// KindRelease is the kind of a Helm release.
const KindRelease = "Release"

// String writes the ID as "cluster/Kind/namespace/name".
func (id ID) String() string {
	return id.Cluster + "/" + id.Kind + "/" + id.Namespace + "/" + id.Name
}

// Compare orders IDs by cluster, kind, namespace and name.
func (id ID) Compare(other ID) int {
	return cmp.Or(strings.Compare(id.Cluster, other.Cluster), strings.Compare(id.Kind, other.Kind),
		strings.Compare(id.Namespace, other.Namespace), strings.Compare(id.Name, other.Name))
}

// Item is one thing that a cluster should hold.
type Item struct {
	ID           ID
	Provider     string   // key of the provider it belongs to
	Organization string   // where there is one item for each organization
	Previous     []string // former keys of its provider, sorted; empty too where its release's name is declared
	Wave         int
	After        []ID       // what must be in place before it; see the package's documentation
	Suspended    string     // reason why nobody may change it now; empty: they may
	Broken       string     // why it is not known what it should be; empty: it is known
	Skew         string     // why its chart is too far from the deployment's version; empty: it is not
	Risks        []string   // what its declarations alone say that a reviewer should know
	AccessURL    string     // of the deployment, that it is given
	OwnURL       bool       // AccessURL is this provider's alone, and does not change with the deployment's
	Release      Release    // its content
	Admission    *Admission // likewise, of what guards a provider
	Base         string     // digest of all inputs that the declarations decide; made by Seal
}

// Release is a Helm release as it should be.
type Release struct {
	Chart      Chart
	Values     map[string]any // the full set; never a delta
	References []Reference    // values that only the target cluster knows
	Timeout    time.Duration
	OnFailure  OnFailure
	MaxHistory int
	Adopt      bool   // take over a release that somebody else installed
	Deletion   Policy // what happens to it when it is not wanted any more
	Drift      DriftMode
	Ignore     []FieldRef // fields that drift may change
	Ready      ReadyCheck // evidence wanted beyond healthy objects
}

// Chart is a chart that has been found: its digest is known.
type Chart struct {
	Name    string
	Version string
	Source  string // "repo URL", "oci reference" or "path", as declared
	Digest  string // sha256:…
}

// Reference names values in a Secret or ConfigMap of the release's namespace. Its content
// is read by whoever applies the release and nobody else.
type Reference struct {
	Path string // dotted path of the value it sets; empty: a YAML document merged at the top
	Kind string // "Secret", "ConfigMap"
	Name string
	Key  string
}

// OnFailure says what follows a failed upgrade.
type OnFailure string

// What may follow a failed upgrade.
const (
	Keep     OnFailure = "keep"
	Rollback OnFailure = "rollback"
)

// Policy says what happens to a release that is not wanted any more.
type Policy string

// What may happen to a release that is not wanted any more. The empty Policy is Block.
const (
	Block     Policy = "block"
	Uninstall Policy = "uninstall"
	Orphan    Policy = "orphan"
)

// DriftMode says what happens to edits by hand.
type DriftMode string

// What may happen to edits by hand.
const (
	DriftRepair DriftMode = "repair"
	DriftReport DriftMode = "report"
	DriftOff    DriftMode = "off"
)

// FieldRef is a JSON pointer in all objects of a kind.
type FieldRef struct {
	Kind    string // "Deployment"
	Pointer string // "/spec/replicas"
}

// ReadyCheck is evidence of readiness beyond healthy objects; empty: none is wanted.
type ReadyCheck struct {
	HTTP   string         // URL that must answer 2xx
	CA     string         // name of a file of certificate authorities for it; empty: the usual ones
	Create map[string]any // object whose creation must pass a server-side dry run
}

// Seal computes the item's base digest: over everything declared that decides what the release becomes,
// which is its chart, name, namespace, values and where it takes more values from.
//
// What decides only how it is applied (timeout, history, policies) is not part of it, so that changing
// it restarts nothing.
func (it *Item) Seal() {
	rel := it.Release
	it.Base = digest(struct {
		Namespace, Name, Chart string
		Values                 map[string]any `json:",omitempty"` // none and empty ones are the same
		References             []Reference    `json:",omitempty"`
	}{it.ID.Namespace, it.ID.Name, rel.Chart.Digest, rel.Values, rel.References})
}

// Digest is the digest of all inputs of a release: the item's base and the state of what it refers to.
// It stands on the release as a label, which is why it is cut to 40 hex digits.
func Digest(it Item, refs []RefState) string {
	if len(refs) == 0 {
		return it.Base
	}
	return digest(struct {
		Base string
		Refs []RefState
	}{it.Base, refs})
}

// digest hashes the JSON of v, in which maps are sorted by key.
func digest(v any) string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(v); err != nil {
		panic(fmt.Sprintf("inputs of a release are not JSON: %v", err)) // they were made from JSON
	}
	return hex.EncodeToString(h.Sum(nil))[:digestLen]
}

// digestLen is the length of a digest in hex digits: a label takes 63 characters.
const digestLen = 40

// Desired is what all clusters should hold. Only a revision that was read whole makes one.
type Desired struct {
	Owner     string // name of the deployment: the mark on everything that is ours
	Narrowed  bool   // this is not everything that is declared: nothing is orphaned
	Empty     bool   // nothing is declared but the deployment itself
	Commit    Commit // that was read
	Items     []Item
	Clusters  map[string]ClusterWant // the declared ones
	Removed   map[string]Removal     // by provider
	Limits    Limits
	Providers map[string]ProviderWant // the declared ones, those without a release too

	Organizations map[string]OrganizationWant // the declared ones
	Places        map[string]Place            // where entries are written, by path: "providers.frankfurt"

	Recognition Recognition // what is an environment, and whose
	AccessURL   AccessURL
	Rollout     Rollout // of all clusters together; each has its own beside
	Bound       Bound   // what of it was shown before it was merged
}

// ClusterWant is what a declaration says of a cluster as a whole.
type ClusterWant struct {
	Context       string // of the kubeconfig that has its credentials; empty: the obvious one
	MaxConcurrent int    // releases that may be worked on at once
	Rollout       Rollout
	Region        string // for people
	Address       string // likewise: as environments and providers see it
}

// Removal is the declared end of a provider that is not declared any more.
type Removal struct {
	Policy Policy
	Forget bool // act on no cluster: it is gone for good
	Reason string
}

// Limits bound what one plan may take away.
type Limits struct {
	MaxDelete        int // providers and (provider, organization) pairs
	MaxDeletePercent int
	Raised           int // the limit that counts instead, until RaisedUntil
	RaisedUntil      time.Time
}
