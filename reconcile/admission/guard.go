package admission

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	registration "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Labels of what guards a provider. They are part of what users may rely on.
const (
	labelPrefix = "reconcile.workspace-providers.dev/"

	LabelOwner    = labelPrefix + "owner"    // name of the deployment
	LabelProvider = labelPrefix + "provider" // key of the provider
	LabelDigest   = labelPrefix + "digest"   // of what is declared, see Guard.Digest
	LabelProbe    = labelPrefix + "probe"    // on a Pod: it only asks what would happen to this organization
)

// Guard is all that decides who may create environments of one provider in its cluster.
type Guard struct {
	Owner     string // name of the deployment
	Provider  string // key of the provider
	Namespace string // where the parameters are kept: ours, not the provider's
	Identity  string // user name that we have in the cluster; empty: nobody is us
	reconcile.Admission
	Open   map[string]bool   // organizations that may create environments
	Known  map[string]string // what exists: organization (empty: not known) by reconcile.Environment.ID
	Shards map[int]string    // how what is known was divided before; see State
}

// Objects are what a Guard is in a cluster.
//
// What is written in this order never opens a gap: what is new, parameters first; when it answers (see
// Guard.Probes), what has changed; then what is left over, bindings first.
type Objects struct {
	Policy     *registration.ValidatingAdmissionPolicy // nil when enforcement is off
	Bindings   []registration.ValidatingAdmissionPolicyBinding
	Parameters []core.ConfigMap // with enforcement off the first alone: it is the record of who is allowed
}

// Objects makes the objects that guard the provider, with all that a server would fill in, sorted by shard.
// Errors are about declarations that cannot be written into them.
func (g Guard) Objects() (Objects, error) {
	rules, err := g.rules()
	if err != nil {
		return Objects{}, fmt.Errorf("guarding provider %s: %w", g.Provider, err)
	}
	if g.off() {
		return Objects{Parameters: []core.ConfigMap{g.parameters(shard{}, rules)}}, nil
	}
	if len(g.Namespaces) == 0 {
		return Objects{}, fmt.Errorf("guarding provider %s: none of its namespaces is known: declare one", g.Provider)
	}
	policy, err := g.policy()
	if err != nil {
		return Objects{}, fmt.Errorf("guarding provider %s: %w", g.Provider, err)
	}
	out := Objects{Policy: policy}
	for _, s := range layout(entries(g.Known), g.Shards) {
		out.Bindings = append(out.Bindings, g.binding(s))
		out.Parameters = append(out.Parameters, g.parameters(s, rules))
	}
	return out, nil
}

func (g Guard) off() bool { return g.Mode == reconcile.EnforceOff || g.Mode == "" }

// Digest is the digest of what is declared about the guard as a whole, 40 hex digits. Who is allowed, and
// what exists, is not part of it.
func (g Guard) Digest() string {
	text, err := json.Marshal(struct {
		Identity  string
		Admission reconcile.Admission
	}{g.Identity, g.Admission})
	if err != nil {
		panic(fmt.Sprintf("what guards a provider is not JSON: %v", err)) // it is strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:20])
}

// Name is the name of the policy; shards have a number after it. Names of deployments and providers have no
// dots, so that two never make one.
func (g Guard) Name() string { return "reconcile." + g.Owner + "." + g.Provider }

func (g Guard) shardName(number int) string { return g.Name() + "." + strconv.Itoa(number) }

func (g Guard) meta(name, namespace string) meta.ObjectMeta {
	return meta.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{
		LabelOwner: g.Owner, LabelProvider: g.Provider, LabelDigest: g.Digest(),
	}}
}

// parameters is the ConfigMap of a shard: all rules, and what is known of its range.
func (g Guard) parameters(s shard, rules map[string]string) core.ConfigMap {
	data := maps.Clone(rules)
	data[keyShard], data[keyFrom], data[keyTo], data[keyKnown] = strconv.Itoa(s.number), s.from, s.to, s.lines()
	return core.ConfigMap{
		TypeMeta:   meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: g.meta(g.shardName(s.number), g.Namespace), Data: data,
	}
}

// binding makes the policy judge by a shard. One that was deleted refuses everything, but for an audit.
func (g Guard) binding(s shard) registration.ValidatingAdmissionPolicyBinding {
	actions := []registration.ValidationAction{registration.Deny}
	missing := registration.DenyAction
	if g.Mode != reconcile.Enforce {
		actions = []registration.ValidationAction{registration.Warn, registration.Audit}
		missing = registration.AllowAction
	}
	namespaces := slices.Compact(slices.Sorted(slices.Values(g.Namespaces)))
	return registration.ValidatingAdmissionPolicyBinding{
		TypeMeta:   typed("ValidatingAdmissionPolicyBinding"),
		ObjectMeta: g.meta(g.shardName(s.number), ""),
		Spec: registration.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: g.Name(),
			ParamRef: &registration.ParamRef{
				Name: g.shardName(s.number), Namespace: g.Namespace, ParameterNotFoundAction: &missing,
			},
			MatchResources: &registration.MatchResources{
				MatchPolicy: new(registration.Equivalent), ObjectSelector: &meta.LabelSelector{},
				NamespaceSelector: &meta.LabelSelector{MatchExpressions: []meta.LabelSelectorRequirement{{
					Key: core.LabelMetadataName, Operator: meta.LabelSelectorOpIn, Values: namespaces,
				}}},
			},
			ValidationActions: actions,
		},
	}
}

// typed says of which kind an object of the policy's group is.
func typed(kind string) meta.TypeMeta {
	return meta.TypeMeta{APIVersion: registration.SchemeGroupVersion.String(), Kind: kind}
}

// trusted are the accounts that make what an admitted object asks for, sorted.
func (g Guard) trusted() []string {
	accounts := []string{"system:kube-controller-manager"}
	for _, name := range []string{
		"deployment", "replicaset", "statefulset", "daemon-set", "job", "cronjob", "replication", "ephemeral-volume",
	} {
		accounts = append(accounts, "system:serviceaccount:kube-system:"+name+"-controller")
	}
	for _, account := range g.Recognition.Trusted {
		accounts = append(accounts, "system:serviceaccount:"+account)
	}
	if g.Identity != "" {
		accounts = append(accounts, g.Identity)
	}
	slices.Sort(accounts)
	return slices.Compact(accounts)
}
