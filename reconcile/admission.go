package reconcile

import "slices"

// KindAllowlist is the kind of an organization's place on the allowlist of a provider: its ID has the
// provider's namespace, and "provider/organization" as its name.
const KindAllowlist = "Allowlist"

// KindAdmission is the kind of what guards a provider in its cluster: an admission policy with its
// parameters. Its ID has the provider's namespace and name.
const KindAdmission = "AdmissionPolicy"

// Enforcement says what happens to a new environment of an organization that is not allowed.
type Enforcement string

// What may happen to a new environment of an organization that is not allowed.
const (
	EnforceOff   Enforcement = "off"     // nothing
	EnforceAudit Enforcement = "audit"   // whoever creates it is warned, and the audit log has it
	Enforce      Enforcement = "enforce" // it is refused
)

// Admission is what guards a provider: who may create environments there is decided in its cluster, also
// while this program does not run. The organizations themselves are not part of it: each has an item of its
// own, since each can be held on its own.
type Admission struct {
	Mode        Enforcement
	Namespaces  []string // in which environments of this provider are, sorted
	Cordoned    string   // why nobody may create a new one; empty: the allowlist decides
	Contact     string   // whom somebody who was refused may ask
	Recognition Recognition
	Digest      string `json:"-"` // of all this; made by Seal
}

// Seal computes the digest by which an admission is told from another.
func (a *Admission) Seal() { a.Digest = digest(a) }

// Recognition says what is an environment, and whose.
type Recognition struct {
	Selectors         []string // label selectors; what any of them matches is an environment
	IDLabel           string   // label with the environment's id; empty: its objects' names tell
	OwnerLabel        string
	OrganizationLabel string
	Prebuilt          string // label selector of those that were made in advance and belong to nobody yet
	Strict            bool   // everything in the provider's namespaces is an environment
	AllowUnknown      bool   // whose organization is not known may be created
	Trusted           []string
	Organizations     map[string]Match
}

// Match says how the environments of an organization are recognised, from what nobody can claim who is not
// of it (a namespace, a service account that asks) to what anybody can write (a label).
type Match struct {
	Namespaces      []string
	ServiceAccounts []string // "namespace:name"
	IDs             []string
	Labels          map[string]string
}

// Forgeable says whether anybody can claim to be of an organization: nothing but a label tells its
// environments.
func (m Match) Forgeable() bool { return len(m.Namespaces) == 0 && len(m.ServiceAccounts) == 0 }

// Environment is what a developer runs, as the objects in a cluster show it.
type Environment struct {
	ID           string // from its label; of one without: "namespace/name" of its object
	Organization string // empty: it is not known
	Owner        string // the developer
	Namespace    string
	Name         string // of the object that shows most of it
	Running      bool   // it has a pod; one that is stopped has volumes and templates alone
	Prebuilt     bool   // nobody has it yet
}

// Organization is whose environment an object is, by its namespace, its id and its labels; empty where that
// is not known, or where they contradict each other.
func (r Recognition) Organization(namespace, id string, labels map[string]string) string {
	return r.One(r.Claims(namespace, id, labels))
}

// Claims are the organizations that an object's namespace, id and labels name, sorted.
func (r Recognition) Claims(namespace, id string, labels map[string]string) []string {
	var out []string
	for name, m := range r.Organizations {
		if slices.Contains(m.Namespaces, namespace) || id != "" && slices.Contains(m.IDs, id) || m.labelled(labels) {
			out = append(out, name)
		}
	}
	if name := labels[r.OrganizationLabel]; r.OrganizationLabel != "" && name != "" {
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// One is the organization that all claims name; empty where there is none, another one, or one that is not
// declared.
func (r Recognition) One(claims []string) string {
	if len(claims) != 1 {
		return ""
	}
	if _, declared := r.Organizations[claims[0]]; !declared {
		return ""
	}
	return claims[0]
}

// labelled says whether all labels of a match are there.
func (m Match) labelled(labels map[string]string) bool {
	for key, value := range m.Labels {
		if had, there := labels[key]; !there || had != value {
			return false
		}
	}
	return len(m.Labels) > 0
}
