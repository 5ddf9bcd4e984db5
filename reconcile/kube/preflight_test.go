package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// pad is a connection to a real cluster that counts what goes over it, and a namespace.
type pad struct {
	*conn
	*testing.T
	config *rest.Config
	stats  *Stats
	space  string
}

// newPad connects as the administrator.
func newPad(t *testing.T) *pad {
	t.Helper()
	config, err := Credentials{Dir: kubetest.Dir(t)}.config("eu", "")
	if err != nil {
		t.Fatal(err)
	}
	p := (&pad{T: t, config: config, space: kubetest.Namespace(t)}).as("")
	p.make(fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}", p.space))
	return p
}

// as is the same for another user, who has no rights yet.
func (p *pad) as(user string) *pad {
	p.Helper()
	config := rest.CopyConfig(p.config)
	config.Impersonate.UserName = user
	out := *p
	out.stats = &Stats{}
	var err error
	out.conn, err = connect(config, &gate{fence: func() error { return nil }, heard: func(error) {}, stats: out.stats})
	if err != nil {
		p.Fatal(err)
	}
	if _, err := out.capabilities(); err != nil {
		p.Fatal(err)
	}
	return &out
}

// make creates objects.
func (p *pad) make(manifest string) {
	p.Helper()
	for _, raw := range documents(p.T, manifest) {
		obj := &unstructured.Unstructured{}
		if err := json.Unmarshal(raw, &obj.Object); err != nil {
			p.Fatal(err)
		}
		info, err := (&client{conn: p.conn, namespace: p.space}).info(obj)
		if err != nil {
			p.Fatal(err)
		}
		if _, err := p.dynamic.Resource(info.Mapping.Resource).Namespace(info.Namespace).Create(p.Context(), obj, metav1.CreateOptions{FieldManager: fieldManager}); err != nil {
			p.Fatal(err)
		}
		if info.Namespace == "" {
			p.Cleanup(func() {
				_ = p.dynamic.Resource(info.Mapping.Resource).Delete(context.Background(), obj.GetName(), metav1.DeleteOptions{})
			})
		}
	}
}

// documents are the objects of a manifest.
func documents(t *testing.T, manifest string) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for doc := range strings.SplitSeq(manifest, "\n---\n") {
		raw, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		out = append(out, raw)
	}
	return out
}

// preflight asks about an action on a release in the namespace, and how many requests that took.
func (p *pad) preflight(name string, have reconcile.State, change reconcile.Change) (risks []string, requests int64) {
	p.Helper()
	before := p.stats.Reads.Load() + p.stats.Writes.Load()
	a := reconcile.Action{ID: reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: p.space, Name: name}}
	a.Have.State = have
	risks = p.conn.preflight(p.Context(), a, change)
	return risks, p.stats.Reads.Load() + p.stats.Writes.Load() - before
}

// adds installs objects.
func (p *pad) adds(manifest string) []string {
	p.Helper()
	risks, _ := p.preflight("web", reconcile.Absent, reconcile.Change{Adds: documents(p.T, manifest)})
	return risks
}

// What a plan calls a risk is what happens: a namespace that leaves the chart goes, with what is in it.
func TestANamespaceThatLeavesTheChartIsRemoved(t *testing.T) {
	w := newWorld(t)
	extra := "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + w.space + "-extra}\n"
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "n.yaml": extra}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	manifest, err := w.cluster.Manifest(t.Context(), it.ID)
	if err != nil || !strings.Contains(manifest, "kind: Namespace") {
		t.Errorf("in force is %q, %v", manifest, err)
	}
	it.Release.Chart = w.chart("2.0.0", map[string]string{"c.yaml": configMap})
	var a reconcile.Action
	w.until("an update to be planned", func() bool { a = w.plan(it.ID); return a.Op == reconcile.OpUpdate })
	if risks := w.cluster.Preflight(t.Context(), a, reconcile.Change{Removes: documents(t, extra)}); len(risks) > 0 {
		t.Errorf("risks %q", risks)
	}
	w.do(it.ID, reconcile.OpUpdate)
	got, err := w.kube.CoreV1().Namespaces().Get(t.Context(), w.space+"-extra", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) && (err != nil || got.DeletionTimestamp == nil) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestNobodyIsAskedWithoutAConnection(t *testing.T) {
	if risks := (&Cluster{name: "eu"}).Preflight(t.Context(), reconcile.Action{}, reconcile.Change{}); risks != nil {
		t.Errorf("risks %q", risks)
	}
}
