package reconcile

import "time"

// Live is what all clusters hold, as far as it is known.
type Live struct {
	At       time.Time
	Clusters map[string]ClusterLive
	Gone     []Gone             // what this process took away lately
	URLs     map[string]URLLive // access URLs that were looked at, each as it answered last
}

// Gone is a release that was taken away, for the limit on how much may go.
type Gone struct {
	Provider     string
	Organization string
	Commit       string // the revision of the declarations that called for it
	At           time.Time
}

// ClusterLive is what one cluster holds. What could not be read is unknown, never empty:
// where Reachable is false, Releases holds what was seen last and decides nothing.
type ClusterLive struct {
	Reachable bool
	Err       string            // why it cannot be reached, and who could not reach whom
	Since     time.Time         // when it became reachable or unreachable
	Well      time.Time         // since when it answers what it is asked; zero: it does not, or is too busy to
	Looked    bool              // everything was seen at least once since the program started
	Held      bool              // this process holds the cluster's Lease and may act on it
	Noting    bool              // what was seen is being written down for the next process; a run is not over before
	Holder    string            // who holds it
	Via       string            // the replica that tells of it, since it cannot be reached from here; empty: it was looked at
	Version   string            // of Kubernetes
	Latency   time.Duration     // of its answers lately, rounded; 0: not known
	Lacking   map[string]string // by provider without release: why it is not ready; empty: it is; absent: not known yet
	Releases  map[ID]Observed
	Refs      map[RefID]RefState // Secrets and ConfigMaps that items refer to; absent: not there
	Unlisted  map[string]bool    // kinds of which it is not known yet what is in Refs

	Admissions    map[string]AdmissionLive // what guards providers, by provider
	Environments  map[string][]Environment // by provider, sorted
	Counted       bool                     // Environments are all that there are
	Unenforceable string                   // why no allowlist can be enforced there; empty: it can
	Freezes       []Freeze
	Trials        map[ID]Trial       // what failed, as whoever held the Lease last noted it; nil: not known yet
	URLs          map[string]URLLive // the access URL, as it was looked at from inside the cluster

	Expires map[string]time.Time          // until when what we and the cluster are known by to each other counts, see ExpiresClient
	Quotas  map[string]map[string]float64 // by provider and resource: how much of what its namespaces may hold is used; 1: all
}

// What of a connection to a cluster ends at a known time.
const (
	ExpiresClient = "client" // our certificate
	ExpiresServer = "server" // the cluster's
	ExpiresToken  = "token"  // ours
)

// Expiring lists what of a connection ends at a known time.
var Expiring = []string{ExpiresClient, ExpiresServer, ExpiresToken}

// QuotaResources lists what environments take and a quota may bound.
var QuotaResources = []string{
	"pods", "persistentvolumeclaims", "deployments", "statefulsets", "requests.cpu", "requests.memory",
	"limits.cpu", "limits.memory", "requests.storage",
}

// Trial is an action that failed and left nothing behind by which others would know.
type Trial struct {
	Digest string    // of what was tried
	Count  int       // failures in a row
	Err    string    // of the last one
	Next   time.Time // not to be tried again before, by the clock of who tried
}

// AdmissionLive is what guards a provider in a cluster now. Its digest is empty while it was not put in
// place whole.
type AdmissionLive struct {
	Admission
	Owner         string
	Namespace     string          // of the provider
	Organizations map[string]bool // on the allowlist in force; false: the door is closed to new environments already
	Drift         []Drift
	Deletion      Policy // of the provider, recorded when it was last applied
	Commit        string // the revision of the declarations that it was last changed by
	Stray         bool   // Commit is known, and what is declared now was not made from it
}

// Freeze stops what this program would change.
type Freeze struct {
	Provider string // all of them if empty
	Deletes  bool   // nothing but deletions
	Reason   string
	By       string // who asked for it
	Until    time.Time
}

// Stops says whether a freeze stops an action.
func (f Freeze) Stops(a Action, now time.Time) bool {
	return f.Until.After(now) && (f.Provider == "" || f.Provider == a.Provider) && (!f.Deletes || takes(a.Op))
}

// RefID names a Secret or ConfigMap that a release takes values from.
type RefID struct {
	Namespace string
	Kind      string
	Name      string
}

// RefState tells one state of a referenced object from another without its content.
type RefState struct {
	UID     string
	Version string // resourceVersion
}

// Observed is a release as the cluster has it.
type Observed struct {
	Owner        string // name of the deployment whose mark it carries; empty: nobody's
	Manager      string // another tool that manages it, for people: "Flux"
	Provider     string // from its mark
	Organization string
	Commit       string // the revision of the declarations that it was last changed by; empty: not known
	Stray        bool   // Commit is known, and what is declared now was not made from it
	Digest       string // of the inputs of the revision in force
	Attempted    string // of the newest revision that failed after the one in force
	Capabilities string // digest of what the cluster could do when it was rendered
	Policy       Policy // recorded when it was applied
	State        State
	Revision     int // the newest
	InForce      int // the revision that was deployed last, whose objects are there; 0: none
	ChartName    string
	ChartVersion string
	Since        time.Time // when this state was first seen by this process
	Tries        int       // failed attempts at Tried by this process
	Tried        string    // digest of the inputs that were tried last and failed
	RetryAt      time.Time // not before; zero: now
	Failure      string    // message of the last failure
	Health       Health
	Message      string // of the failing object, in its own words
	Drift        []Drift
	ReadySince   time.Time // zero: it was not Ready since it was applied; else since when it stays so
	RetryAsked   bool      // somebody asked to try again now
	AccessURL    string    // of the deployment, that the revision in force was given; empty: not known
	FormerURL    string    // likewise, of the newest revision before that was given another one
	OwnURL       bool      // AccessURL is its provider's alone
	Begun        string    // digest of what was begun and left pending; empty: nothing was, or going back was
	Lost         []string  // environments that ran when it was applied last, and are gone; as people call them
	Survived     bool      // none was lost at some time since it became Ready
	Past         []Past    // what it was and is, as far as it is remembered; newest first
	History      []Step    // what was done to it, likewise; for people, and nothing is decided on it
}

// Step is something that was done to a release, or tried.
type Step struct {
	At       time.Time
	Op       string // an Op; "found": nobody wrote down what it was
	Reason   string
	Revision int    // of the release
	Commit   string // the revision of the declarations that called for it
	Author   string // of the commit
	Error    string // empty: it went through
	Ready    bool   // it became Ready
}

// Past is something that a release was once made.
type Past struct {
	Digest string // of the inputs
	Commit string // the revision of the declarations that called for it
	URL    string // the access URL that it was given; empty: not known
	Ready  bool   // it became Ready
	Kept   bool   // it can be gone back to
}

// State is the state of a release in Helm's storage, seen from whoever may act on it.
type State string

// The states of a release.
const (
	Absent       State = ""             // there is no release of that name
	Deployed     State = "deployed"     // the newest revision is in force
	Failed       State = "failed"       // the newest revision failed; an older one may be in force
	Pending      State = "pending"      // left pending by a process that is gone
	Locked       State = "locked"       // somebody works on it now
	Uninstalling State = "uninstalling" // an uninstall was begun and not finished
	Corrupt      State = "corrupt"      // the stored revision cannot be read
)

// Health is what the objects of a release say of themselves.
type Health string

// The health of a release's objects.
const (
	HealthUnknown Health = ""        // not looked at yet
	Healthy       Health = "healthy" // all in place
	Progressing   Health = "progressing"
	Unhealthy     Health = "unhealthy" // failed, or progressing for longer than the timeout
)

// Drift is one field that differs from what was applied.
type Drift struct {
	Object    string // "Deployment/envproxy"
	Field     string // JSON pointer; empty: the whole object
	Message   string // `3, declared 2 (kubectl-edit)`, masked where secret
	By        string // the field's manager, as whoever wrote it calls himself; empty: not known
	Contested bool   // it was put back so often that it is left as it is for a while
}
