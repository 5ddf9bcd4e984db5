package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What is kept of an object is the same whether it came in Kubernetes' own encoding or as JSON.
func TestTypedObjectsAreKeptAsOthers(t *testing.T) {
	const meta = "metadata: {name: a, namespace: b, uid: u, resourceVersion: '7', generation: 2, labels: {l: m}, " +
		"annotations: {meta.helm.sh/release-name: r, meta.helm.sh/release-namespace: b}, managedFields: [{manager: helm}]}\n"
	const pods = "template: {spec: {containers: [{name: c, image: i}]}}, selector: {matchLabels: {app: x}}"
	for name, c := range map[string]struct {
		text string
		want reconcile.Health
	}{
		"a Deployment that is ready": {"apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1, " + pods + "}\nstatus: {observedGeneration: 2, replicas: 1, " +
			"updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}\n", reconcile.Healthy},
		"a Deployment that is not": {"apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 2, " + pods + "}\nstatus: {observedGeneration: 2, replicas: 2, updatedReplicas: 1}\n", reconcile.Progressing},
		"a Deployment that gave up": {"apiVersion: apps/v1\nkind: Deployment\nspec: {" + pods + "}\nstatus: {observedGeneration: 2, " +
			"conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}\n", reconcile.Unhealthy},
		"a StatefulSet":                        {"apiVersion: apps/v1\nkind: StatefulSet\nspec: {replicas: 1, " + pods + ", volumeClaimTemplates: [{metadata: {name: v}}]}\nstatus: {observedGeneration: 2, replicas: 1, readyReplicas: 0}\n", reconcile.Progressing},
		"a DaemonSet":                          {"apiVersion: apps/v1\nkind: DaemonSet\nspec: {" + pods + "}\nstatus: {observedGeneration: 2, desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberReady: 1}\n", reconcile.Healthy},
		"a ReplicaSet":                         {"apiVersion: apps/v1\nkind: ReplicaSet\nspec: {replicas: 1, " + pods + "}\nstatus: {observedGeneration: 2, replicas: 1, fullyLabeledReplicas: 1}\n", reconcile.Progressing},
		"a Job that failed":                    {"apiVersion: batch/v1\nkind: Job\nspec: {" + pods + "}\nstatus: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded}]}\n", reconcile.Unhealthy},
		"a Service that waits for its address": {"apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n", reconcile.Progressing},
		"a PodDisruptionBudget":                {"apiVersion: policy/v1\nkind: PodDisruptionBudget\nspec: {minAvailable: 50%}\nstatus: {observedGeneration: 1}\n", reconcile.Progressing},
		"a claim":                              {"apiVersion: v1\nkind: PersistentVolumeClaim\nstatus: {phase: Pending}\n", reconcile.Progressing},
	} {
		text, err := yaml.YAMLToJSON([]byte(c.text + meta))
		if err != nil {
			t.Fatal(err)
		}
		whole := &unstructured.Unstructured{}
		if err := whole.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := slim(whole)
		if err != nil {
			t.Fatal(err)
		}
		got, err := slim(typed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(object{}), cmp.Comparer(sameSelector)); diff != "" {
			t.Errorf("%s: -as JSON +typed:\n%s", name, diff)
		}
		if got := got.(*object); got.health != c.want || got.owner != "b/r" {
			t.Errorf("%s: it is %v, of %s: %s", name, got.health, got.owner, got.message)
		}
	}
}

func sameSelector(a, b labels.Selector) bool {
	return a == nil && b == nil || a != nil && b != nil && a.String() == b.String()
}
