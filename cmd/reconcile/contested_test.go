package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// client talks to a cluster past the daemon.
func (s *site) client(cluster string) kubernetes.Interface {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.admin(cluster))
	if err != nil {
		s.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// insist has somebody put his own greeting into a ConfigMap whenever it is another, until the end is asked for.
func (s *site) insist(name, greeting string) (end func()) {
	ctx, cancel := context.WithCancel(s.Context())
	maps := s.client(eu).CoreV1().ConfigMaps(s.name)
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			cm, err := maps.Get(ctx, name, metav1.GetOptions{})
			if err == nil && cm.Data["greeting"] != greeting {
				patch := []byte(`{"data":{"greeting":"` + greeting + `"}}`)
				_, _ = maps.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "other-tool"})
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() { cancel(); done.Wait() }
}

// Two who undo each other go on without end: after three repairs the field is left as it is, and named with
// whoever writes there, until somebody has decided who is right. Nothing else is left.
func TestWhatSomebodyElseInsistsOnIsContested(t *testing.T) {
	s := newSite(t, eu)
	s.declare("frankfurt.cue", `providers: frankfurt: cluster: "eu"`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "frankfurt")
	end := s.insist("frankfurt", "theirs")
	defer end()
	doc := d.until("the field is contested", func(doc status.StatusDoc) bool {
		return held(doc, "frankfurt").Reason == reconcile.Contested
	})
	want := `ConfigMap/frankfurt /data/greeting: is "theirs", declared "hello" (other-tool)`
	if h := held(doc, "frankfurt"); h.Class != reconcile.Person || h.Would != reconcile.OpRepair || !strings.Contains(h.Message, want) {
		t.Errorf("it is held as %+v, want %s", h, want)
	}
	p := provider(doc, "frankfurt")
	if len(p.Releases) != 1 || len(p.Releases[0].Edits) != 1 || !p.Releases[0].Edits[0].Contested || p.Releases[0].Edits[0].By != "other-tool" {
		t.Errorf("the status has %+v", p.Releases)
	}
	if p.Status != status.Ready || p.Message != "1 field edited by hand (other-tool), contested" {
		t.Errorf("it is %s: %s", p.Status, p.Message)
	}
	if n := strings.Count(d.log.String(), `msg="edit undone"`); n != 3 {
		t.Errorf("it was put back %d times", n)
	}

	s.kubectl(eu, "patch", "configmap/frankfurt", "-p", `{"data":{"limit":"9"}}`)
	data := func(field string) string {
		return s.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data."+field+"}")
	}
	s.await("another field is repaired meanwhile", func() (any, bool) { got := data("limit"); return got, got == "1" })
	d.until("the first is still contested", func(doc status.StatusDoc) bool {
		return held(doc, "frankfurt").Reason == reconcile.Contested
	})
	if got := data("greeting"); got != "theirs" {
		t.Errorf("it is %q, while it is contested", got)
	}
	if explained := s.want(exitOK, "explain", "frankfurt", "--repo", s.bare); !strings.Contains(explained.out, want) {
		t.Errorf("explain lacks %s:\n%s", want, explained.out)
	}

	end()
	s.want(exitOK, "retry", "frankfurt", "--repo", s.bare)
	s.await("it is repaired when somebody asks to", func() (any, bool) { got := data("greeting"); return got, got == "hello" })
	d.until("nothing is held", func(doc status.StatusDoc) bool {
		return doc.Summary.Keep == 1 && doc.Summary.Hold == 0 && provider(doc, "frankfurt").Message == ""
	})
}
