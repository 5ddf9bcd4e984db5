package kube

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

const volume1 = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {%s accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`

const stateful = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 0
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: main, image: "example/db:1", env: [{name: PASSWORD, value: hunter2}]}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {%s accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}}}]`

const cron = `apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {schedule: "@daily", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [],
  volumes: [{name: a, emptyDir: {}}, {name: b, ephemeral: {volumeClaimTemplate: {spec: {storageClassName: nowhere}}}}]}}}}}`

func TestStorageClasses(t *testing.T) {
	p := newPad(t)
	mine := p.space + "-fast"
	p.make("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: " + mine + "}\nprovisioner: example.com/none")
	for name, c := range map[string]struct{ manifest, want string }{
		"it is there":              {fmt.Sprintf(volume1, "storageClassName: "+mine+","), ""},
		"it is missing":            {fmt.Sprintf(volume1, "storageClassName: nowhere,"), "missing StorageClass: nowhere, named by PersistentVolumeClaim " + p.space + "/data"},
		"there is a default":       {fmt.Sprintf(volume1, ""), ""},
		"bound by hand":            {fmt.Sprintf(volume1, `storageClassName: "",`), ""},
		"one certain volume":       {fmt.Sprintf(volume1, "storageClassName: nowhere, volumeName: there,"), ""},
		"known to the cluster":     {fmt.Sprintf(volume1, "storageClassName: (from Secret coder/class),"), ""},
		"of a StatefulSet":         {fmt.Sprintf(stateful, "storageClassName: nowhere,", "1Gi"), "missing StorageClass: nowhere, named by StatefulSet " + p.space + "/db"},
		"for as long as a pod is":  {cron, "missing StorageClass: nowhere, named by CronJob " + p.space + "/nightly"},
		"the chart brings it":      {fmt.Sprintf(volume1, "storageClassName: new,") + "\n---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: new}", ""},
		"nobody asks for a volume": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if have := strings.Join(p.adds(c.manifest), "\n"); have != c.want {
				t.Errorf("risks %q, want %q", have, c.want)
			}
		})
	}
}

func TestADeclaredStorageClassIsLookedFor(t *testing.T) {
	p := newPad(t)
	a := reconcile.Action{ID: reconcile.ID{Kind: reconcile.KindRelease, Namespace: p.space, Name: "web"}}
	a.Want.Release.Values = map[string]any{"storageClassName": "nowhere"}
	want := []string{"missing StorageClass: nowhere, named by values.storageClassName"}
	if diff := cmp.Diff(want, p.conn.preflight(t.Context(), a, reconcile.Change{})); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutADefaultWhoNamesNoStorageClassIsTold(t *testing.T) {
	p := newPad(t)
	p.answers.put(classesOf{}, answer{value: []standing{{name: "fast"}}, until: time.Now().Add(time.Hour)})
	if have, want := p.adds(fmt.Sprintf(stateful, "", "1Gi")), "no default StorageClass: StatefulSet "+p.space+"/db names none"; !slices.Equal(have, []string{want}) {
		t.Errorf("risks %q, want %q", have, want)
	}
}

func TestWhoMayNotListStorageClassesDoesNot(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	admin.allow(user, true, rule(all, "", "secrets configmaps namespaces persistentvolumeclaims"))
	p := admin.as(user)
	if risks := p.adds(fmt.Sprintf(volume1, "storageClassName: nowhere,")); len(risks) > 0 {
		t.Errorf("risks %q", risks)
	}
	if reads := p.stats.Reads.Load(); reads != admin.stats.Reads.Load() {
		t.Errorf("%d reads, want only those of who connects", reads)
	}
}
