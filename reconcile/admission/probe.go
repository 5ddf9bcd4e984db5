package admission

import (
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// annotationShard on a probe names the shard that answers it: no other guard of the namespace does.
const annotationShard = labelPrefix + "shard"

// Probes make Pods to create in a dry run, one for each shard. Where all are refused, the door is closed to
// the organization on the server that was asked; where all are let through, it is open, or nothing guards it
// yet: an organization that nobody has declared is refused by every guard but one that allows the unknown.
// Probes are answered whoever asks, pass the pod security level restricted, and cannot be created in earnest.
//
// With enforcement off there is nobody to ask, and an audit answers with a warning.
func (g Guard) Probes(namespace, organization string) []*core.Pod {
	var out []*core.Pod
	for _, s := range layout(entries(g.Known), g.Shards) {
		out = append(out, g.probe(namespace, organization, s.number))
	}
	return out
}

func (g Guard) probe(namespace, organization string, shard int) *core.Pod {
	return &core.Pod{
		TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: meta.ObjectMeta{
			Name: "reconcile-probe", Namespace: namespace,
			Labels:      map[string]string{LabelOwner: g.Owner, LabelProvider: g.Provider, LabelProbe: organization},
			Annotations: map[string]string{annotationShard: g.shardName(shard)},
		},
		Spec: core.PodSpec{
			AutomountServiceAccountToken: new(false),
			SecurityContext: &core.PodSecurityContext{
				RunAsNonRoot:   new(true),
				SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []core.Container{{
				Name: "probe", Image: "example.invalid/probe",
				SecurityContext: &core.SecurityContext{
					AllowPrivilegeEscalation: new(false),
					Capabilities:             &core.Capabilities{Drop: []core.Capability{"ALL"}},
				},
			}},
		},
	}
}
