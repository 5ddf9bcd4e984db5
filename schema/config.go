package schema

import (
	"encoding/json"
	"fmt"
	"time"
)

// Config is what one revision declares, with every default filled in.
// All collections are keyed by name, as they are in the declarations.
type Config struct {
	Deployment    Deployment                   `json:"deployment"`
	Clusters      map[string]Cluster           `json:"clusters,omitzero"`
	Organizations map[string]Organization      `json:"organizations,omitzero"`
	Providers     map[string]Provider          `json:"providers,omitzero"`
	Allowlists    map[string]map[string]Grant  `json:"allowlists,omitzero"` // provider, organization
	Removed       map[string]Removal           `json:"removed,omitzero"`
	Positions     map[string]Position          `json:"positions,omitzero"` // by path: "providers.frankfurt"
	Sources       map[string]map[string]string `json:"sources,omitzero"`   // provider, field path: where its value comes from
	Warnings      Errors                       `json:"warnings,omitempty"`
}

// Position is a place in a declaration file.
type Position struct {
	File string `json:"file"` // relative to the declarations' directory, with slashes
	Line int    `json:"line"` // from 1
	Col  int    `json:"col"`  // from 1
}

// Duration is a time.Duration written as in Go: "10m", "1h30m".
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a duration from a string; any other type is an error.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// Deployment is the control plane that developers log in to.
type Deployment struct {
	Name              string            `json:"name"`
	AccessURL         string            `json:"accessURL"`
	PreviousAccessURL string            `json:"previousAccessURL,omitempty"` // while a change of URL is under way
	Version           string            `json:"version,omitempty"`
	Generation        string            `json:"generation,omitempty"` // "v1", "v2"
	Health            *Health           `json:"health,omitempty"`
	DefaultProvider   string            `json:"defaultProvider"`
	Defaults          Defaults          `json:"defaults"`
	Deletion          Deletion          `json:"deletion"`
	Environments      Environments      `json:"environments"`
	Rollout           Rollout           `json:"rollout"`
	Verify            *Verify           `json:"verify,omitempty"`
	PullRequests      *PullRequests     `json:"pullRequests,omitempty"`
	ChartSources      map[string]bool   `json:"chartSources,omitzero"` // allowed prefixes of chart repositories
	Statuses          Statuses          `json:"statuses"`
	Notify            map[string]Notify `json:"notify,omitzero"`
}

// Health says where the deployment answers that it is well.
type Health struct {
	Path       string `json:"path"`
	CA         string `json:"ca,omitempty"` // file name under ca/ of the credentials directory
	ProbeImage string `json:"probeImage,omitempty"`
	Confirmed  string `json:"confirmed,omitempty"` // the access URL that it uses by now, where its answer does not say so
}

// Defaults are the values a provider has where it says nothing itself.
type Defaults struct {
	Chart       *Chart   `json:"chart,omitempty"`
	Namespace   string   `json:"namespace,omitempty"`
	Release     *Release `json:"release,omitempty"`
	Rollout     *Rollout `json:"rollout,omitempty"`
	Drift       *Drift   `json:"drift,omitempty"`
	Enforcement string   `json:"enforcement,omitempty"`
	Ready       *Ready   `json:"ready,omitempty"`
	Values      Values   `json:"values,omitzero"`
}

// Deletion limits how many providers and allowlist pairs may go at once.
type Deletion struct {
	Max        int     `json:"max"`
	MaxPercent int     `json:"maxPercent"`
	Raised     *Raised `json:"raised,omitempty"`
}

// Raised lifts the deletion limit for a while.
type Raised struct {
	Max    int       `json:"max"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// Environments says how environments are recognised in a cluster.
type Environments struct {
	Selectors          map[string]bool `json:"selectors,omitzero"` // label selectors; any of them marks an environment
	IDLabel            string          `json:"idLabel,omitempty"`
	OwnerLabel         string          `json:"ownerLabel,omitempty"`
	OrganizationLabel  string          `json:"organizationLabel,omitempty"`
	Unknown            string          `json:"unknown,omitempty"` // "deny", "allow"
	Strict             bool            `json:"strict,omitempty"`
	TrustedControllers map[string]bool `json:"trustedControllers,omitzero"` // service accounts, "namespace:name"
	Prebuilt           string          `json:"prebuilt,omitempty"`          // label selector of prebuilt environments
}

// Rollout bounds how a change goes out.
type Rollout struct {
	Soak           Duration          `json:"soak,omitempty"`
	MaxConcurrent  int               `json:"maxConcurrent,omitempty"`  // per cluster
	MaxUnavailable int               `json:"maxUnavailable,omitempty"` // per wave; 0: no bound
	OnFailure      string            `json:"onFailure,omitempty"`      // "halt", "revert"
	Windows        map[string]Window `json:"windows,omitzero"`
	Override       *Override         `json:"override,omitempty"`
}

// Window is a time in which changes may go out.
type Window struct {
	Schedule string   `json:"schedule"` // cron, five fields: when the window opens
	For      Duration `json:"for"`
	TimeZone string   `json:"timeZone,omitempty"` // IANA name; UTC when absent
}

// Override lets changes out in spite of windows and halts, or of plans that were not shown.
type Override struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// Verify lists the keys that may sign revisions.
type Verify struct {
	OpenPGP        map[string]string `json:"openPGP,omitzero"`        // name: armored public key
	AllowedSigners map[string]string `json:"allowedSigners,omitzero"` // principal: SSH public key
}

// PullRequests says whose pull requests are planned.
type PullRequests struct {
	Plan     string    `json:"plan,omitempty"`     // "members", "all", "none"; empty: "members"
	Required bool      `json:"required,omitempty"` // only what a plan showed is done
	Override *Override `json:"override,omitempty"` // until then, everything is
}

// Statuses says where commit statuses go.
type Statuses struct {
	Forge      string `json:"forge,omitempty"`      // "github", "gitlab", "gitea", "notes", "none"; found from the remote's URL when absent
	URL        string `json:"url,omitempty"`        // API base URL; that of the remote when absent
	Repository string `json:"repository,omitempty"` // "owner/name", "group/subgroup/name" on GitLab; from the remote's URL when absent
	Page       string `json:"page,omitempty"`       // base of the target URLs: where the daemon's page is reached
}

// Notify is a receiver of notifications.
type Notify struct {
	Kind   string          `json:"kind"`             // "slack", "webhook"
	Secret string          `json:"secret,omitempty"` // file name under notify/ of the credentials directory; empty: the receiver's name
	On     map[string]bool `json:"on,omitzero"`      // "error", "hold", "halted", "recovered", "frozen"
}

// Cluster is a Kubernetes API. It never holds a credential.
type Cluster struct {
	Context  string   `json:"context,omitempty"`
	Address  string   `json:"address,omitempty"` // as environments and providers see it
	Region   string   `json:"region,omitempty"`
	Defaults Defaults `json:"defaults"`
}

// Organization is a group of developers.
type Organization struct {
	DisplayName     string          `json:"displayName,omitempty"`
	BuiltInProvider bool            `json:"builtInProvider"`
	Regions         map[string]bool `json:"regions,omitzero"`
	DefaultProvider string          `json:"defaultProvider,omitempty"`
	Match           Match           `json:"match"`
}

// Match says how the environments of an organization are recognised.
type Match struct {
	Namespaces      map[string]bool   `json:"namespaces,omitzero"`
	ServiceAccounts map[string]bool   `json:"serviceAccounts,omitzero"` // "namespace:name"
	Labels          map[string]string `json:"labels,omitzero"`
	IDs             map[string]bool   `json:"ids,omitzero"`
}

// Provider is a workspace provider: a logical group of resources in one cluster and namespace.
type Provider struct {
	Cluster         string                     `json:"cluster"`
	Namespace       string                     `json:"namespace"`
	DisplayName     string                     `json:"displayName,omitempty"`
	Description     string                     `json:"description,omitempty"`
	Region          string                     `json:"region,omitempty"` // its cluster's when absent
	Wave            int                        `json:"wave"`
	Hostname        string                     `json:"hostname,omitempty"` // its own address, with scheme
	DeploymentURL   string                     `json:"deploymentURL,omitempty"`
	DevurlHost      string                     `json:"devurlHost,omitempty"`
	SSHEnabled      *bool                      `json:"sshEnabled,omitempty"`
	StorageClass    string                     `json:"storageClass,omitempty"`
	TokenRef        *KeyRef                    `json:"tokenRef,omitempty"`
	Chart           Chart                      `json:"chart"`
	Values          Values                     `json:"values,omitzero"`
	ValuesFrom      map[string]ValuesFrom      `json:"valuesFrom,omitzero"`
	Release         Release                    `json:"release"`
	PerOrganization map[string]PerOrganization `json:"perOrganization,omitzero"` // one for each allowed organization
	Ready           Ready                      `json:"ready"`
	Drift           Drift                      `json:"drift"`
	Enforcement     string                     `json:"enforcement"` // "off", "audit", "enforce"
	Cordon          *Reason                    `json:"cordon,omitempty"`
	Suspend         *Reason                    `json:"suspend,omitempty"`
	Deletion        ProviderDeletion           `json:"deletion"`
	PreviousNames   map[string]bool            `json:"previousNames,omitzero"`
}

// KeyRef names a key of a Secret in the provider's namespace.
type KeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Chart says where a Helm chart comes from: exactly one of Repo, OCI and Path.
type Chart struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Repo    string `json:"repo,omitempty"`   // HTTP(S) chart repository
	OCI     string `json:"oci,omitempty"`    // oci://host/path, without name
	Path    string `json:"path,omitempty"`   // directory, relative to the declarations
	Digest  string `json:"digest,omitempty"` // sha256:…, verified when given
	Shape   string `json:"shape,omitempty"`  // "v1", "v2", "none"
}

// ValuesFrom takes values from the target cluster: a whole YAML document under Key,
// merged at the top, or, where the name of the entry is a dotted path, one string there;
// ".token" is the path of one at the top.
type ValuesFrom struct {
	Kind string `json:"kind"` // "Secret", "ConfigMap"
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
}

// Release says how Helm treats the provider.
type Release struct {
	Name       string   `json:"name,omitempty"`
	Timeout    Duration `json:"timeout,omitempty"`
	OnFailure  string   `json:"onFailure,omitempty"` // "keep", "rollback"
	MaxHistory int      `json:"maxHistory,omitempty"`
	Adopt      bool     `json:"adopt,omitempty"`
}

// PerOrganization is the release of one allowed organization.
type PerOrganization struct {
	Namespace   string                `json:"namespace,omitempty"`
	ReleaseName string                `json:"releaseName,omitempty"`
	Values      Values                `json:"values,omitzero"`
	ValuesFrom  map[string]ValuesFrom `json:"valuesFrom,omitzero"`
}

// Ready is the evidence that makes a provider Ready.
type Ready struct {
	HTTP   string `json:"http,omitempty"`  // URL that must answer 2xx
	Create Values `json:"create,omitzero"` // object whose creation must pass a server-side dry run
}

// Drift says what happens to edits by hand.
type Drift struct {
	Mode   string                     `json:"mode,omitempty"`  // "repair", "report", "off"
	Ignore map[string]map[string]bool `json:"ignore,omitzero"` // kind, JSON pointer
}

// Reason is why somebody wanted something.
type Reason struct {
	Reason string `json:"reason"`
}

// ProviderDeletion says what happens when the declaration goes.
type ProviderDeletion struct {
	Policy string `json:"policy"` // "block", "uninstall", "orphan"
}

// Grant lets an organization create environments in a provider.
type Grant struct {
	Reason string     `json:"reason,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// Removal says what becomes of a provider that is not declared any more.
type Removal struct {
	Policy string `json:"policy"` // "uninstall", "orphan", "forget"
	Reason string `json:"reason"`
}
