package main

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/status"
)

// What people edit by hand is put back, field by field, without a Helm revision.
func TestEditsByHandAreRepaired(t *testing.T) {
	s := newSite(t, eu)
	s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", values: {replicas: 2, password: "declared"}}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "frankfurt")
	edits := []struct {
		what string
		edit []string
		show string // of the edited object
		want string
	}{
		{"replicas", []string{"scale", "deployment/frankfurt", "--replicas=5"}, "deployment {.spec.replicas}", "2"},
		{"a label", []string{"label", "deployment/frankfurt", "app=other", "--overwrite"}, "deployment {.metadata.labels.app}", "frankfurt"},
		{"an image", []string{"set", "image", "deployment/frankfurt", "main=other"}, "deployment {.spec.template.spec.containers[0].image}", "pause"},
		{"a deleted object", []string{"delete", "deployment/frankfurt", "--wait=false"}, "deployment {.spec.replicas}", "2"},
		{"a ConfigMap", []string{"patch", "configmap/frankfurt", "-p", `{"data":{"greeting":"bye"}}`}, "configmap {.data.greeting}", "hello"},
		{"a field that is gone", []string{"patch", "configmap/frankfurt", "-p", `{"data":{"limit":null}}`}, "configmap {.data.limit}", "1"},
		{"a Secret", []string{"patch", "secret/frankfurt", "-p", `{"stringData":{"password":"found"}}`}, "secret {.data.password}", "ZGVjbGFyZWQ="},
		{"a deleted Secret", []string{"delete", "secret/frankfurt"}, "secret {.data.password}", "ZGVjbGFyZWQ="},
	}
	for _, e := range edits {
		s.kubectl(eu, e.edit...)
		kind, path, _ := strings.Cut(e.show, " ")
		s.await(e.what+" is repaired", func() (any, bool) {
			got := s.kubectl(eu, "get", kind, "frankfurt", "--ignore-not-found", "-o", "jsonpath="+path)
			return got, got == e.want
		})
	}
	d.until("it is Ready again", func(doc status.StatusDoc) bool {
		p := provider(doc, "frankfurt")
		return p.Status == status.Ready && p.Message == "" && doc.Summary.Keep == 1
	})
	if got := revisionOf(s, "frankfurt"); got != 1 {
		t.Errorf("repairs made revision %d", got)
	}
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_drift_corrected_total{cluster="eu"} 8`) {
		t.Errorf("the metrics do not count 8 repairs:\n%s", grep(metrics, "drift"))
	}
	s.kubectl(eu, "annotate", "deployment/frankfurt", "note=mine") // nobody declared it: it stays
	s.kubectl(eu, "scale", "deployment/frankfurt", "--replicas=7")
	s.await("replicas are repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "frankfurt", "-o", "jsonpath={.spec.replicas} {.metadata.annotations.note}")
		return got, got == "2 mine"
	})
	for _, secret := range []string{"found", "declared\"", "Zm91bmQ="} {
		if strings.Contains(d.log.String(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}

// grep keeps the lines that contain part.
func grep(text, part string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// Edits stay where the declarations say so, and are reported or not as they say.
func TestEditsThatAreLeftAlone(t *testing.T) {
	s := newSite(t, eu)
	s.declare("providers.cue", `providers: {
	reported: {cluster: "eu", drift: mode: "report"}
	unwatched: {cluster: "eu", drift: mode: "off"}
	ignored: {cluster: "eu", drift: ignore: Deployment: "/spec/replicas": true}
	repaired: cluster: "eu"
}`)
	sha := s.push()
	d := s.daemon()
	names := []string{"reported", "unwatched", "ignored", "repaired"}
	d.ready(sha, names...)
	for _, name := range names {
		s.kubectl(eu, "scale", "deployment/"+name, "--replicas=3")
	}
	replicas := func(name string) string {
		return s.kubectl(eu, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")
	}
	s.await("repaired is repaired", func() (any, bool) { got := replicas("repaired"); return got, got == "1" })
	doc := d.until("the edit of reported is reported", func(doc status.StatusDoc) bool {
		p := provider(doc, "reported")
		return p.Status == status.Ready && len(p.Releases) == 1 && p.Releases[0].Drift == 1
	})
	for _, name := range []string{"unwatched", "ignored"} {
		if p := provider(doc, name); p.Releases[0].Drift != 0 {
			t.Errorf("%s reports an edit: %+v", name, p)
		}
	}
	s.kubectl(eu, "patch", "configmap/ignored", "-p", `{"data":{"greeting":"bye"}}`)
	s.await("what is not ignored is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "configmap", "ignored", "-o", "jsonpath={.data.greeting}")
		return got, got == "hello"
	})
	for _, name := range names[:3] {
		if got := replicas(name); got != "3" {
			t.Errorf("%s has %s replicas again", name, got)
		}
	}
	explained := s.want(exitOK, "explain", "reported", "--repo", s.bare)
	if want := "edited by hand: Deployment/reported /spec/replicas: is 3, declared 1"; !strings.Contains(explained.out, want) {
		t.Errorf("explain lacks %q:\n%s", want, explained.out)
	}
}

// What decides about edits counts at once when it is declared otherwise, also for edits that stand there.
func TestWhatIsDeclaredOfEditsCountsAtOnce(t *testing.T) {
	s := newSite(t, eu)
	declare := func(unwatched, ignored string) string {
		s.declare("providers.cue", `providers: {
	unwatched: {cluster: "eu", drift: mode: "`+unwatched+`"}
	ignored: {cluster: "eu"`+ignored+`}
}`)
		return s.push()
	}
	sha := declare("off", `, drift: ignore: Deployment: "/spec/replicas": true`)
	d := s.daemon()
	names := []string{"unwatched", "ignored"}
	d.ready(sha, names...)
	for _, name := range names {
		s.kubectl(eu, "scale", "deployment/"+name, "--replicas=3")
	}
	d.ready(sha, names...)
	d.stop() // what was found before is in the records
	declare("report", "")
	d = s.daemon()
	d.until("what was not watched is reported", func(doc status.StatusDoc) bool {
		p := provider(doc, "unwatched")
		return len(p.Releases) == 1 && p.Releases[0].Drift == 1
	})
	replicas := func(name, want string) {
		t.Helper()
		s.await(name+" has "+want+" replicas", func() (any, bool) {
			got := s.kubectl(eu, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")
			return got, got == want
		})
	}
	replicas("ignored", "1")
	sha = declare("repair", `, drift: ignore: ConfigMap: "/data/limit": true`)
	replicas("unwatched", "1")
	d.ready(sha, names...)
	s.kubectl(eu, "patch", "configmap/ignored", "-p", `{"data":{"limit":"9","greeting":"bye"}}`)
	s.await("what is not ignored is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "configmap", "ignored", "-o", "jsonpath={.data.greeting} {.data.limit}")
		return got, got == "hello 9"
	})
	sha = declare("repair", "")
	d.ready(sha, names...)
	s.await("what is not ignored any more is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "configmap", "ignored", "-o", "jsonpath={.data.limit}")
		return got, got == "1"
	})
}

// An autoscaler keeps what it has set, whether that is declared or not, also while an upgrade changes the same
// object: there is no moment in which the workload has what the chart says.
func TestAnAutoscalerKeepsWhatItHasSet(t *testing.T) {
	s := newSite(t, eu)
	declare := func(greeting string) string {
		s.declare("providers.cue", `providers: {
	ignored: {cluster: "eu", values: greeting: "`+greeting+`", drift: ignore: Deployment: "/spec/replicas": true}
	undeclared: {cluster: "eu", values: greeting: "`+greeting+`"}
}`)
		return s.push()
	}
	sha := declare("hello")
	d := s.daemon()
	d.ready(sha, "ignored", "undeclared")
	for _, name := range []string{"ignored", "undeclared"} {
		(&subject{name: name}).scale(s)
		s.scaled(name)
	}
	d.ready(sha, "ignored", "undeclared")
	seen, err := s.client(eu).AppsV1().Deployments(s.name).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Stop()
	sha = declare("bye")
	d.ready(sha, "ignored", "undeclared")
	last := map[string]string{}
	for timeout := time.After(patience); last["ignored"] != "bye" || last["undeclared"] != "bye"; {
		select {
		case event := <-seen.ResultChan():
			got, is := event.Object.(*appsv1.Deployment)
			if !is {
				t.Fatalf("the watch ended with %+v", event)
			}
			if *got.Spec.Replicas != 4 {
				t.Errorf("%s had %d replicas", got.Name, *got.Spec.Replicas)
			}
			last[got.Name] = got.Spec.Template.Spec.Containers[0].Env[0].Value
		case <-timeout:
			t.Fatalf("the watch did not show the upgrades: %v", last)
		}
	}
	if strings.Contains(d.log.String(), `msg="edit undone"`) {
		t.Error("something is said to have been put back")
	}
	s.kubectl(eu, "delete", "hpa", "undeclared")
	s.kubectl(eu, "scale", "deployment/undeclared", "--replicas=6") // which takes it back from the autoscaler
	s.await("what a person scaled is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "undeclared", "-o", "jsonpath={.spec.replicas}")
		return got, got == "1"
	})
}
