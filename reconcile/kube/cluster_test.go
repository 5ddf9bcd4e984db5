package kube

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// world is a fleet of one real cluster with one deployment and one namespace of its own.
type world struct {
	*testing.T
	fleet   *Fleet
	cluster *Cluster
	want    reconcile.Desired
	charts  archives
	kube    kubernetes.Interface
	space   string
	check   time.Duration // how often everything is looked at anew; 0: as usual
	end     context.CancelFunc
}

// archives are charts by digest.
type archives map[string][]byte

func (a archives) Archive(_ context.Context, digest string) ([]byte, error) {
	if archive, there := a[digest]; there {
		return archive, nil
	}
	return nil, os.ErrNotExist
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := kubetest.Dir(t)
	w := &world{T: t, charts: archives{}, space: kubetest.Namespace(t)}
	w.want = reconcile.Desired{Owner: w.space, Clusters: map[string]reconcile.ClusterWant{"eu": {MaxConcurrent: 4}}}
	w.start(dir)
	t.Cleanup(func() { w.stop() })
	config, err := Credentials{Dir: dir}.config("eu", "")
	if err != nil {
		t.Fatal(err)
	}
	if w.kube, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) start(dir string) {
	ctx, cancel := context.WithCancel(context.Background())
	w.fleet = NewFleet(ctx, Options{Identity: Identity(), Credentials: Credentials{Dir: dir}, Charts: w.charts, CheckInterval: w.check})
	w.end = cancel
	w.fleet.Use(w.want)
	w.cluster = w.fleet.Real("eu")
	w.until("the cluster to be looked at and held", func() bool {
		live := w.cluster.Live()
		return live.Looked && live.Held
	})
}

func (w *world) stop() {
	w.end()
	w.fleet.Wait()
}

// patience is how long tests wait for what must come about, on a machine that has much to do.
const patience = 2 * time.Minute

// until waits for a condition that must come true.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.Fatalf("waited in vain for %s; the cluster shows %+v", what, w.cluster.Live())
}

// chart packs templates into a chart that is known by a digest.
func (w *world) chart(version string, templates map[string]string) reconcile.Chart {
	w.Helper()
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "small", Version: version}}
	for name, text := range templates {
		c.Templates = append(c.Templates, &chart.File{Name: "templates/" + name, Data: []byte(text)})
	}
	digest := "sha256:" + version + filepath.Base(w.space)
	w.charts[digest] = packed(w, c)
	return reconcile.Chart{Name: "small", Version: version, Digest: digest}
}

// packed is the archive of a chart.
func packed(t testing.TB, c *chart.Chart) []byte {
	t.Helper()
	path, err := chartutil.Save(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {size: {{ .Values.size | quote }}, {{ .Values.extra | default "fixed" }}: "yes"}
`

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.size }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: main, image: {{ .Values.image | default "example/app:1" }}}]}
`

// item declares a release.
func (w *world) item(name string, c reconcile.Chart, values map[string]any) *reconcile.Item {
	it := reconcile.Item{
		ID:       reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: w.space, Name: name},
		Provider: name,
		Release: reconcile.Release{
			Chart: c, Values: values, Timeout: time.Minute, MaxHistory: 3, Deletion: reconcile.Uninstall, Drift: reconcile.DriftRepair,
		},
	}
	w.want.Items = append(w.want.Items, it)
	return &w.want.Items[len(w.want.Items)-1]
}

// plan decides what to do about one release now.
func (w *world) plan(id reconcile.ID) reconcile.Action {
	w.Helper()
	for i := range w.want.Items {
		w.want.Items[i].Seal()
	}
	w.fleet.Use(w.want)
	live := reconcile.Live{At: time.Now(), Clusters: map[string]reconcile.ClusterLive{"eu": w.cluster.Live()}}
	for _, a := range reconcile.Decide(w.want, live).Actions {
		if a.ID == id {
			return a
		}
	}
	return reconcile.Action{Op: reconcile.OpKeep, Reason: "nothing there and nothing wanted"}
}

// planned waits until the plan for a release is op.
func (w *world) planned(id reconcile.ID, op reconcile.Op) (a reconcile.Action) {
	w.Helper()
	w.until(string(op)+" to be planned", func() bool { a = w.plan(id); return a.Op == op })
	return a
}

// do waits until the plan for a release is op, and does it.
func (w *world) do(id reconcile.ID, op reconcile.Op) {
	w.Helper()
	a := w.planned(id, op)
	if err := w.cluster.Do(w.Context(), a); err != nil {
		w.Fatalf("%s %s: %v", a.Op, a.ID, err)
	}
}

// inSync waits until a release is in place and well.
func (w *world) inSync(id reconcile.ID) {
	w.Helper()
	w.until(id.Name+" to be in sync", func() bool { return w.plan(id).Reason == reconcile.InSync })
}

func (w *world) data(name string) map[string]string {
	w.Helper()
	cm, err := w.kube.CoreV1().ConfigMaps(w.space).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return cm.Data
}

func TestInstallUpgradeUninstall(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1000000)})
	it.Release.Values["size"] = int64(1)
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	it.Release.Values = map[string]any{"size": int64(2)}
	w.do(it.ID, reconcile.OpUpdate)
	w.inSync(it.ID)
	if got := w.data("web")["size"]; got != "2" {
		t.Errorf("size is %q, want 2", got)
	}
	id := it.ID
	w.want.Items = nil
	w.do(id, reconcile.OpDelete)
	if _, err := w.kube.CoreV1().ConfigMaps(w.space).Get(t.Context(), "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ConfigMap is still there: %v", err)
	}
	if got := w.plan(id); got.Op != reconcile.OpKeep {
		t.Errorf("after the uninstall the plan is %s (%s)", got.Op, got.Reason)
	}
}

func TestWhatLeavesTheChartIsDeletedAndWhatIsKeptStays(t *testing.T) {
	w := newWorld(t)
	kept := strings.Replace(configMap, "name: {{ .Release.Name }}", `name: kept, annotations: {helm.sh/resource-policy: keep}`, 1)
	it := w.item("web", w.chart("1.0.0", map[string]string{
		"a.yaml": configMap, "b.yaml": strings.Replace(configMap, "{{ .Release.Name }}", "gone", 1), "k.yaml": kept,
	}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	it.Release.Chart = w.chart("2.0.0", map[string]string{"a.yaml": configMap})
	w.do(it.ID, reconcile.OpUpdate)
	if _, err := w.kube.CoreV1().ConfigMaps(w.space).Get(t.Context(), "gone", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what left the chart is still there: %v", err)
	}
	w.data("kept") // fails the test if it is gone
}

func TestEditsByHandAreRepairedWithoutARevision(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	maps := w.kube.CoreV1().ConfigMaps(w.space)
	edit := []byte(`{"data":{"size":"77","theirs":"stays"}}`)
	if _, err := maps.Patch(t.Context(), "web", types.MergePatchType, edit, metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	var a reconcile.Action
	w.until("the drift to be seen", func() bool { a = w.plan(it.ID); return a.Op == reconcile.OpRepair })
	if want := `ConfigMap/web /data/size: is "77", declared "1" (somebody)`; a.Message != want {
		t.Errorf("it is told as %s, want %s", a.Message, want)
	}
	if err := w.cluster.Do(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.inSync(it.ID)
	if got := w.data("web"); got["size"] != "1" || got["theirs"] != "stays" {
		t.Errorf("after the repair it holds %v", got)
	}
	if err := w.kube.AppsV1().Deployments(w.space).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.do(it.ID, reconcile.OpRepair)
	w.inSync(it.ID)
	if got := w.plan(it.ID).Have.Revision; got != 1 {
		t.Errorf("the repairs made %d Helm revisions", got-1)
	}
}

func TestAFreshProcessComparesNothingAnew(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	w.until("readiness to be written down", func() bool { return !w.plan(it.ID).Have.ReadySince.IsZero() })
	w.stop()
	w.start(kubetest.Dir(t))
	w.inSync(it.ID)
	if got := w.cluster.Stats.Reads.Load(); got > 10 {
		t.Errorf("a fresh process sent %d reads to find nothing changed", got)
	}
	if got := w.cluster.Stats.Writes.Load(); got > 4 { // the Lease
		t.Errorf("and %d writes", got)
	}
}

func TestForeignReleases(t *testing.T) {
	w := newWorld(t)
	c := w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment})
	path := filepath.Join(t.TempDir(), "small.tgz")
	if err := os.WriteFile(path, w.charts[c.Digest], 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(kubetest.Dir(t), "eu.kubeconfig")
	kubetest.Output(t, "helm", "--kubeconfig", kubeconfig, "install", "web", path, "-n", w.space, "--create-namespace", "--set", "size=1", "--wait")
	it := w.item("web", c, map[string]any{"size": int64(1)})
	var a reconcile.Action
	w.until("the foreign release to be seen", func() bool { a = w.plan(it.ID); return a.Reason == reconcile.NotOurs })
	if a.Op != reconcile.OpHold || a.Would != reconcile.OpAdopt {
		t.Errorf("it is planned as %s, would be %s", a.Op, a.Would)
	}
	pods := func() string {
		list, err := w.kube.CoreV1().Pods(w.space).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%v, %d pods", err, len(list.Items))
		}
		return string(list.Items[0].UID)
	}
	before := pods()
	it.Release.Adopt = true
	w.do(it.ID, reconcile.OpAdopt)
	w.inSync(it.ID)
	if pods() != before {
		t.Error("taking it over restarted its pod")
	}
	id := it.ID
	w.want.Items[0].Release.Deletion = reconcile.Orphan
	w.do(id, reconcile.OpUpdate)
	w.want.Items = nil
	w.do(id, reconcile.OpOrphan)
	if pods() != before || w.plan(id).Op != reconcile.OpKeep {
		t.Error("letting it go changed it")
	}
	if out := kubetest.Output(t, "helm", "--kubeconfig", kubeconfig, "history", "web", "-n", w.space); strings.Count(out, "\n") < 3 {
		t.Errorf("its history is gone:\n%s", out)
	}
}

func TestARevisionLeftPendingIsTakenUp(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	for _, status := range []string{"pending-upgrade", "pending-rollback", "pending-install"} {
		w.leave("web", status)
		w.do(it.ID, reconcile.OpUpdate)
		w.inSync(it.ID)
	}
	out := kubetest.Output(t, "helm", "--kubeconfig", filepath.Join(kubetest.Dir(t), "eu.kubeconfig"), "history", "web", "-n", w.space, "-o", "json")
	if strings.Contains(out, `"status":"pending`) || strings.Count(out, `"deployed"`) != 1 {
		t.Errorf("history: %s", out)
	}
	if n := strings.Count(out, `"revision"`); n > 3 {
		t.Errorf("%d revisions are kept, want at most 3", n)
	}
}

func TestAnUninstallIsLeftToWhoeverBeganItAndThenTakenUp(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	w.leave("web", "uninstalling")
	w.until("it to be left alone", func() bool { return w.plan(it.ID).Reason == reconcile.IsLocked })
	key := releaseKey{w.space, "web"}
	w.cluster.mu.Lock()
	w.cluster.known[key].since = time.Now().Add(-uninstallTime)
	w.cluster.mu.Unlock()
	w.cluster.touch(key)
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
}

func TestAHistoryThatWasKeptIsGoneOnWith(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	helm := func(args ...string) string {
		kubeconfig := filepath.Join(kubetest.Dir(t), "eu.kubeconfig")
		return kubetest.Output(t, "helm", append([]string{"--kubeconfig", kubeconfig, "-n", w.space}, args...)...)
	}
	helm("uninstall", "web", "--keep-history")
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	if out := helm("list", "--all"); !strings.Contains(out, "deployed") || strings.Contains(out, "uninstalled") {
		t.Errorf("helm lists\n%s", out)
	}
	if got := w.data("web")["size"]; got != "1" {
		t.Errorf("size %q", got)
	}
}

func TestADeletedNamespaceIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.cluster.Live()
	w.until("the cluster to be looked at", func() bool { return w.cluster.Live().Looked && w.cluster.Live().Held })
	s, err := w.cluster.current()
	if err != nil {
		t.Fatal(err)
	}
	it.ID.Namespace = w.space + "-gone"
	s.noteNamespace(it.ID.Namespace, true)
	if err := w.cluster.Do(t.Context(), w.plan(it.ID)); !apierrors.IsNotFound(err) {
		t.Fatalf("without its namespace: %v", err)
	}
	if err := w.cluster.Do(t.Context(), w.plan(it.ID)); err != nil {
		t.Error(err)
	}
}

func TestWithoutATargetARollbackLeavesTheRevisionAlone(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	a := w.plan(it.ID)
	a.Op = reconcile.OpRollback
	if err := w.cluster.Do(t.Context(), a); err == nil || !strings.Contains(err.Error(), "no revision to go back to") {
		t.Errorf("the rollback ends with %v", err)
	}
	w.inSync(it.ID)
}

// leave makes the newest revision look as a killed process leaves it.
func (w *world) leave(name, status string) {
	w.Helper()
	list, err := w.kube.CoreV1().Secrets(w.space).List(w.Context(), metav1.ListOptions{LabelSelector: "owner=helm,status=deployed,name=" + name})
	if err != nil || len(list.Items) != 1 {
		w.Fatalf("%v, %d deployed revisions", err, len(list.Items))
	}
	secret := &list.Items[0]
	rel, err := unpack(secret.Data["release"])
	if err != nil {
		w.Fatal(err)
	}
	rel.Info.Status = "pending-upgrade"
	packed, err := pack(secret.Name, rel, "modifiedAt")
	if err != nil {
		w.Fatal(err)
	}
	secret.Data, secret.Labels["status"] = packed.Data, status
	if _, err := w.kube.CoreV1().Secrets(w.space).Update(w.Context(), secret, metav1.UpdateOptions{}); err != nil {
		w.Fatal(err)
	}
}

func TestRollbackAndItsEnd(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"d.yaml": deployment}), map[string]any{"size": int64(1)})
	it.Release.OnFailure = reconcile.Rollback
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	it.Release.Timeout = 5 * time.Second
	it.Release.Values = map[string]any{"size": int64(1), "image": "localhost/never/there:1"}
	w.do(it.ID, reconcile.OpUpdate)
	var a reconcile.Action
	w.until("the failure to be seen", func() bool { a = w.plan(it.ID); return a.Op == reconcile.OpRollback })
	if !strings.Contains(a.Message, "ImagePullBackOff") && !strings.Contains(a.Message, "ErrImagePull") {
		t.Errorf("the failure is told as %q, not in the container's words", a.Message)
	}
	if err := w.cluster.Do(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.until("the rollback to be held", func() bool { return w.plan(it.ID).Reason == reconcile.RolledBack })
	it.Release.Values = map[string]any{"size": int64(2)}
	w.do(it.ID, reconcile.OpUpdate)
	w.inSync(it.ID)
}

func TestDamagedReleaseIsHeld(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	w.stop()
	if err := w.kube.CoreV1().ConfigMaps(w.space).Delete(t.Context(), recordName("web"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	patch := []byte(`{"data":{"release":"anVuaw=="}}`)
	if _, err := w.kube.CoreV1().Secrets(w.space).Patch(t.Context(), "sh.helm.release.v1.web.v1", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.start(kubetest.Dir(t))
	w.until("the damage to be seen", func() bool { return w.plan(it.ID).Reason == reconcile.Unknown })
	w.data("web") // and nothing was done about it
}

const gizmos = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.GROUP}
spec:
  group: GROUP
  names: {kind: Gizmo, plural: gizmos, singular: gizmo, listKind: GizmoList}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`

// A kind that somebody else brings while we are connected is found when it is needed.
func TestAKindThatComesLater(t *testing.T) {
	w := newWorld(t)
	chart := w.chart("1.0.0", map[string]string{"a.yaml": fmt.Sprintf("apiVersion: %s.example.com/v1\nkind: Gizmo\nmetadata: {name: it}\n", w.space)})
	it := w.item("web", chart, nil)
	var a reconcile.Action
	w.until("it to be planned", func() bool { a = w.plan(it.ID); return a.Op == reconcile.OpCreate })
	if err := w.cluster.Do(t.Context(), a); err == nil || !strings.Contains(err.Error(), "no matches for kind") {
		t.Fatalf("%v", err)
	}
	file := filepath.Join(t.TempDir(), "crd.yaml")
	text := strings.ReplaceAll(gizmos, "GROUP", w.space+".example.com")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := filepath.Join(kubetest.Dir(t), "eu.kubeconfig")
	kubetest.Output(t, "kubectl", "--kubeconfig", admin, "apply", "-f", file)
	t.Cleanup(func() { kubetest.Output(t, "kubectl", "--kubeconfig", admin, "delete", "-f", file) })
	w.until("it to be installed", func() bool {
		a := w.plan(it.ID)
		return a.Op == reconcile.OpCreate && w.cluster.Do(t.Context(), a) == nil
	})
}

// Releases that are installed side by side bring the same kind: one of them defines it, and the others wait until it is
// served.
func TestReleasesThatBringTheSameKind(t *testing.T) {
	w := newWorld(t)
	group := w.space + ".example.com"
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "small", Version: "1.0.0"}}
	c.Templates = []*chart.File{{Name: "templates/a.yaml", Data: []byte("apiVersion: " + group + "/v1\nkind: Gizmo\nmetadata: {name: {{ .Release.Name }}}\n")}}
	c.Files = []*chart.File{{Name: "crds/a.yaml", Data: []byte(strings.ReplaceAll(gizmos, "GROUP", group))}}
	w.charts["sha256:gizmos"] = packed(w, c)
	var actions []reconcile.Action
	for i := range 6 {
		it := w.item(fmt.Sprint("web", i), reconcile.Chart{Name: "small", Version: "1.0.0", Digest: "sha256:gizmos"}, nil)
		var a reconcile.Action
		w.until("it to be planned", func() bool { a = w.plan(it.ID); return a.Op == reconcile.OpCreate })
		actions = append(actions, a)
	}
	t.Cleanup(func() {
		kubetest.Output(t, "kubectl", "--kubeconfig", filepath.Join(kubetest.Dir(t), "eu.kubeconfig"), "delete", "crd", "gizmos."+group)
	})
	var all sync.WaitGroup
	for _, a := range actions {
		all.Go(func() {
			if err := w.cluster.Do(t.Context(), a); err != nil {
				t.Errorf("%s: %v", a.ID, err)
			}
		})
	}
	all.Wait()
}
