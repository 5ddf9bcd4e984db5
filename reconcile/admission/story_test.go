package admission

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/workspace-providers/reconcile/reconcile"
)

// patch asks whether a change may be merged into an object.
func (s *server) patch(who, where string, o object, change string) error {
	how := meta.PatchOptions{DryRun: dry.DryRun}
	_, err := s.at(who, where, o.GetKind()).Patch(s.Context(), o.GetName(), types.MergePatchType, []byte(change), how)
	return err
}

func TestWhatMayChange(t *testing.T) {
	s := newServer(t)
	s.install()
	s.door("design", notOpen)
	theirs := env("design-9", org("design"), "com.coder.user.username=prebuilds")
	for name, o := range map[string]object{
		s.design: an("Deployment", "web", theirs), s.shared: with("Deployment", "plain", nil, nil), s.research: an("Deployment", "plain", nil),
	} {
		s.must(nil, s.create(daemon, name, o, earnest))
	}
	s.must(nil, s.create(daemon, s.design, an("CronJob", "nightly", theirs), earnest))
	s.must(nil, s.create(daemon, s.design, an("PersistentVolumeClaim", "home", theirs), earnest))
	s.must(nil, s.create(daemon, s.shared, an("Deployment", "shared", theirs), earnest))
	s.must(nil, s.create(daemon, s.shared, with("Deployment", "inside", nil, theirs), earnest))

	template := func(change string) string { return `{"spec":{"template":` + change + `}}` }
	label := func(key, value string) string { return fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, key, value) }
	claim := func(l string) string {
		return template(`{"spec":{"volumes":[{"name":"scratch","ephemeral":{"volumeClaimTemplate":{"metadata":{"labels":` + l + `},
			"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}}}]}}`)
	}
	web, shared, inside := an("Deployment", "web", nil), an("Deployment", "shared", nil), an("Deployment", "inside", nil)
	plain, nightly, home := an("Deployment", "plain", nil), an("CronJob", "nightly", nil), an("PersistentVolumeClaim", "home", nil)
	for _, try := range []struct {
		what, where string
		object      object
		change      string
		want        string
	}{
		{"another image", s.design, web, template(`{"spec":{"containers":[{"name":"main","image":"example/app:2"}]}}`), passes},
		{"scaled by the object", s.design, web, `{"spec":{"replicas":3}}`, passes},
		{"restarted", s.design, web, template(`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}`), passes},
		{"annotated", s.design, web, `{"metadata":{"annotations":{"a":"b"}}}`, passes},
		{"another label", s.design, web, label("a", `"b"`), passes},
		{"grown", s.design, home, `{"metadata":{"finalizers":["example.com/wait"]}}`, passes},
		{"claimed", s.design, web, label("com.coder.user.username", `"ann"`), passes},
		{"claimed in the template", s.design, web, template(label("com.coder.user.username", `"ann"`)), passes},
		{"owned by nobody any more", s.design, home, label("com.coder.user.username", `null`), passes},
		{"probe label", s.design, web, label(LabelProbe, `"research"`), passes},
		{"a volume without labels", s.design, web, claim(`{}`), passes},
		{"a volume with its own labels", s.design, web, claim(`{"com.coder.resource":"true","` + idLabel + `":"design-9","` + orgLabel + `":"design"}`), passes},

		{"another id", s.design, web, label(idLabel, `"design-1"`), fixedHere},
		{"no id", s.shared, shared, label(idLabel, `null`), fixedHere},
		{"another organization", s.shared, shared, label(orgLabel, `"research"`), fixedHere},
		{"no organization", s.shared, shared, label(orgLabel, `null`), fixedHere},
		{"no mark", s.shared, shared, label("com.coder.resource", `null`), fixedHere},
		{"no labels", s.shared, shared, `{"metadata":{"labels":null}}`, fixedHere},
		{"a label of a match", s.shared, shared, label("example.com/team", `"red"`), fixedHere},
		{"the other mark", s.design, home, label("app", `"coder-pvc"`), fixedHere},
		{"another id in the template", s.design, web, template(label(idLabel, `"n"`)), fixedHere},
		{"no organization in the template", s.shared, shared, template(label(orgLabel, `null`)), fixedHere},
		{"no mark in the template that alone has it", s.shared, inside, template(label("com.coder.resource", `null`)), fixedHere},
		{"another id in a CronJob", s.design, nightly, `{"spec":{"jobTemplate":` + template(label(idLabel, `"n"`)) + `}}`, fixedHere},
		{"another id for jobs", s.design, nightly, `{"spec":{"jobTemplate":` + label(idLabel, `"n"`) + `}}`, fixedHere},
		{"a volume of another", s.design, web, claim(`{"com.coder.resource":"true","` + idLabel + `":"research-1"}`), fixedHere},

		{"it was none and is none", s.shared, plain, `{"spec":{"replicas":3}}`, passes},
		{"it was none and gets marked", s.shared, plain, label("com.coder.resource", `"true"`), unknown},
		{"it was none and its template gets marked", s.shared, plain, template(label("com.coder.resource", `"true"`)), unknown},
		{"it was none and becomes a closed one", s.shared, plain, `{"metadata":{"labels":{"com.coder.resource":"true","` + orgLabel + `":"design"}}}`, notOpen},
		{"it was none and becomes an open one", s.shared, plain, `{"metadata":{"labels":{"com.coder.resource":"true","` + orgLabel + `":"red"}}}`, passes},
		{"it was one by its namespace", s.research, plain, label(orgLabel, `"design"`), fixedHere},
	} {
		if err := s.patch("ann", try.where, try.object, try.change); !said(err, try.want) {
			t.Errorf("%s: got %v, want %q", try.what, err, try.want)
		}
	}
	s.must(nil, s.scale("Deployment", "web"))
}

// What runs goes on running although nobody of its organization may create anything any more: controllers make
// pods and volumes anew, and its owner may stop and start it.
func TestWhatExistsGoesOn(t *testing.T) {
	s := newServer(t)
	s.guard.Open["design"] = true
	s.install()
	s.door("design", passes)
	for kind, id := range map[string]string{"Deployment": "d", "StatefulSet": "s", "Job": "j"} {
		if err := s.create("ann", s.design, an(kind, id, env(id)), earnest); err != nil {
			t.Fatal(err)
		}
	}
	s.guard.Open["design"] = false
	s.guard.Known["d"] = "design"
	s.install()
	s.door("design", notOpen)

	for _, id := range []string{"d", "s", "j"} {
		s.pods(id, 1)
	}
	at, ofBoth := meta.DeleteOptions{GracePeriodSeconds: new(int64)}, meta.ListOptions{LabelSelector: idLabel + " in (d,s)"}
	s.must(nil, s.admin.CoreV1().Pods(s.design).DeleteCollection(t.Context(), at, ofBoth))
	s.pods("d", 1)
	s.pods("s", 1)
	for kind, id := range map[string]string{"Deployment": "d", "StatefulSet": "s"} {
		s.must(nil, s.scale(kind, id))
		s.pods(id, 2)
	}
	ofOne := meta.ListOptions{LabelSelector: idLabel + "=s"}
	claims, err := s.admin.CoreV1().PersistentVolumeClaims(s.design).List(t.Context(), ofOne)
	if err != nil || len(claims.Items) != 2 {
		t.Errorf("volumes of the StatefulSet: got %v, %v", claims, err)
	}
	s.delete(an("Deployment", "d", nil))
	if err := s.create("ann", s.design, an("Deployment", "d", env("d")), earnest); err != nil {
		t.Errorf("starting what was stopped: %v", err)
	}
	s.pods("d", 1)
	if err := s.create("ann", s.design, an("Deployment", "f", env("f")), earnest); !said(err, notOpen) {
		t.Errorf("creating a new one: got %v", err)
	}
}

// scale scales an object of design to two.
func (s *server) scale(kind, name string) error {
	_, err := s.at("ann", s.design, kind).Patch(s.Context(), name, types.MergePatchType, []byte(`{"spec":{"replicas":2}}`),
		meta.PatchOptions{}, "scale")
	return err
}

// delete takes away an object of design, and waits until it is gone.
func (s *server) delete(o object) {
	s.Helper()
	at := s.at("ann", s.design, o.GetKind())
	s.must(nil, at.Delete(s.Context(), o.GetName(), meta.DeleteOptions{}))
	s.until(o.GetName()+" to be gone", func() bool {
		_, err := at.Get(s.Context(), o.GetName(), meta.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// pods waits until an environment has as many that run.
func (s *server) pods(id string, want int) {
	s.Helper()
	s.until(fmt.Sprintf("%d pods of %s", want, id), func() bool {
		list, err := s.admin.CoreV1().Pods(s.design).List(s.Context(), meta.ListOptions{LabelSelector: idLabel + "=" + id})
		s.must(nil, err)
		there := 0
		for _, pod := range list.Items {
			if pod.DeletionTimestamp == nil {
				there++
			}
		}
		return there == want
	})
}

func TestACordonedProviderTakesNothingNew(t *testing.T) {
	s := newServer(t)
	s.guard.Cordoned = "moves to\nanother cluster"
	s.guard.Recognition.AllowUnknown = true
	s.install()
	const cordoned = "workspace provider frankfurt is cordoned (moves to another cluster): no new environments; ask the platform team"
	for _, name := range []string{"research", "design", ""} {
		s.door(name, cordoned)
	}
	for _, try := range []struct {
		what, where string
		object      object
		want        string
	}{
		{"of who is allowed", s.research, an("Pod", "web", env("n")), cordoned},
		{"of who is not", s.design, an("Pod", "web", env("n")), cordoned},
		{"of nobody", s.shared, an("Pod", "web", env("n")), cordoned},
		{"that exists", s.research, an("Pod", "web", env("research-1")), passes},
		{"that exists and is not allowed", s.design, an("Pod", "web", env("design-1")), passes},
		{"that exists and is nobody's", s.shared, an("Pod", "web", env("nobody-1")), passes},
	} {
		if err := s.create("ann", try.where, try.object, earnest); !said(err, try.want) {
			t.Errorf("one %s: got %v, want %q", try.what, err, try.want)
		}
	}
	s.guard.Cordoned = ""
	s.install()
	s.door("", passes)
	if err := s.create("ann", s.shared, an("Pod", "new", env("new")), earnest); err != nil {
		t.Errorf("one of nobody, where that is allowed: %v", err)
	}
}

func TestStrictLooksAtEverything(t *testing.T) {
	s := newServer(t)
	s.guard.Recognition = reconcile.Recognition{Strict: true}
	s.guard.Open = map[string]bool{"research": true}
	s.guard.Contact = ""
	s.install()
	s.door("design", "organization design is not on its allowlist")
	const refused = "workspace provider frankfurt: it is not known of which organization this is, so it cannot create environments here"
	if err := s.create("ann", s.shared, an("Pod", "web", nil), earnest); !said(err, refused) || strings.Contains(err.Error(), "; ask") {
		t.Errorf("without any label: got %v, want %q", err, refused)
	}
	if err := s.create(controller, s.shared, an("Pod", "web", nil), earnest); err != nil {
		t.Errorf("by a controller: %v", err)
	}
}

func TestAnAuditWarnsAndLetsThrough(t *testing.T) {
	s := newServer(t)
	s.guard.Mode = reconcile.EnforceAudit
	made := s.install()
	probe := an("Pod", "probe", marked{LabelProbe: "design"}).set(marked{annotationShard: s.guard.shardName(0)}, "metadata", "annotations")
	s.until("a warning", func() bool {
		s.must(nil, s.create("ann", s.shared, probe, dry))
		return s.warned(notOpen)
	})
	s.warnings.text = nil
	if err := s.create("ann", s.design, an("Pod", "web", env("n")), earnest); err != nil || !s.warned(notOpen) {
		t.Errorf("got %v, warnings %q", err, s.warnings.text)
	}
	s.lose(made.Parameters[0].Name)
	if err := s.create("ann", s.design, an("Pod", "more", env("m")), earnest); err != nil {
		t.Errorf("without parameters: %v", err)
	}
}

func (s *server) warned(of string) bool {
	s.warnings.mu.Lock()
	defer s.warnings.mu.Unlock()
	for _, text := range s.warnings.text {
		if strings.Contains(text, of) {
			return true
		}
	}
	return false
}

// lose deletes a ConfigMap of ours.
func (s *server) lose(name string) {
	s.Helper()
	s.must(nil, s.admin.CoreV1().ConfigMaps(s.guard.Namespace).Delete(s.Context(), name, meta.DeleteOptions{}))
}

func TestADeletedShardRefuses(t *testing.T) {
	s := newServer(t)
	made := s.install()
	s.door("research", passes)
	s.lose(made.Parameters[0].Name)
	s.until("a refusal", func() bool {
		err := s.create("ann", s.research, an("Pod", "web", env("n")), dry)
		return err != nil && strings.Contains(err.Error(), "no params found")
	})
	s.install()
	s.door("research", passes)
}

// A namespace may take restricted pods only, and a probe is one. Every shard answers, also one that is new.
func TestEveryShardAnswersWhereOnlyRestrictedPodsMayBe(t *testing.T) {
	s := newServer(t)
	level := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	s.must(s.admin.CoreV1().Namespaces().Patch(t.Context(), s.shared, types.MergePatchType, level, meta.PatchOptions{}))
	s.install()
	s.door("design", notOpen)
	s.door("research", passes)
	if err := s.create("ann", s.shared, an("Pod", "web", nil), dry); err == nil || !strings.Contains(err.Error(), "PodSecurity") {
		t.Errorf("a pod that is not restricted: got %v", err)
	}
	for i := range 9_000 {
		s.guard.Known[id(i)] = "design"
	}
	if made := s.install(); len(made.Bindings) < 3 {
		t.Fatalf("only %d shards", len(made.Bindings))
	}
	s.door("design", notOpen)
	for i := range 3 {
		if err := s.create("ann", s.design, an("Deployment", "web", env(id(i*3_000))), dry); err != nil {
			t.Errorf("what exists: %v", err)
		}
	}
}
