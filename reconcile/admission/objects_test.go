package admission

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What the server keeps is what was made, so that comparing the two finds what somebody else has changed.
func TestTheServerKeepsWhatIsMade(t *testing.T) {
	s := newServer(t)
	made := s.install()
	registration := s.admin.AdmissionregistrationV1()
	policy, err := registration.ValidatingAdmissionPolicies().Get(t.Context(), s.guard.Name(), meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made.Policy.Spec, policy.Spec); diff != "" {
		t.Errorf("the policy, as made and as kept:\n%s", diff)
	}
	for _, b := range made.Bindings {
		kept, err := registration.ValidatingAdmissionPolicyBindings().Get(t.Context(), b.Name, meta.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b.Spec, kept.Spec); diff != "" {
			t.Errorf("a binding, as made and as kept:\n%s", diff)
		}
	}
	s.until("the types to be checked", func() bool {
		policy, err = registration.ValidatingAdmissionPolicies().Get(t.Context(), s.guard.Name(), meta.GetOptions{})
		return err == nil && policy.Status.ObservedGeneration == policy.Generation && policy.Status.TypeChecking != nil
	})
	for _, w := range policy.Status.TypeChecking.ExpressionWarnings {
		t.Errorf("%s: %s", w.FieldRef, w.Warning)
	}
}

// crowd makes fifty thousand environments of design known, and five hundred organizations that labels tell.
func (s *server) crowd() {
	for i := range 50_000 {
		s.guard.Known[uuid(i)] = "design"
	}
	for i := range 500 {
		name := fmt.Sprintf("organization-%03d", i)
		s.guard.Open[name] = true
		s.guard.claimed(name, reconcile.Match{Labels: map[string]string{"example.com/team": name, "example.com/stage": "live"}})
	}
}

func uuid(i int) string { return fmt.Sprintf("%08x-58cc-4372-a567-0e02b2c3d479", i*85_899) }

// Fifty thousand environments and five hundred organizations stay within what a policy may cost, also for an
// object as large as they get, and the longest names.
func TestFiftyThousandEnvironments(t *testing.T) {
	s := newServer(t)
	s.crowd()
	began := time.Now()
	made := s.install()
	s.door("design", notOpen)
	t.Logf("%d shards, installed and answered in %v", len(made.Parameters), time.Since(began))
	for _, p := range made.Parameters {
		if size := p.Size(); size > 512<<10 {
			t.Errorf("%s has %d KiB", p.Name, size>>10)
		}
	}
	organization := []string{"example.com/team=organization-499", "example.com/stage=live"}
	for _, try := range []struct {
		what, where string
		object      object
		want        string
	}{
		{"the first", s.design, an("StatefulSet", "web", env(uuid(0))), passes},
		{"the last", s.design, an("StatefulSet", "web", env(uuid(49_999))), passes},
		{"before all", s.design, an("StatefulSet", "web", env("0")), notOpen},
		{"in the middle", s.design, an("StatefulSet", "web", env("7")), notOpen},
		{"after all", s.design, an("StatefulSet", "web", env("zzz")), notOpen},
		{"without an id", s.design, an("Pod", strings.Repeat("x", 253), nil), notOpen},
		{"the last organization's", s.shared, an("StatefulSet", "web", env("n", organization...)), passes},
		{"of many volumes", s.research, crowded(an("Deployment", "web", env("n"))), passes},
	} {
		began := time.Now()
		if err := s.create("ann", try.where, try.object, dry); !said(err, try.want) {
			t.Errorf("%s: got %v, want %q", try.what, err, try.want)
		}
		t.Logf("%s: %v", try.what, time.Since(began))
	}
	big := crowded(an("Deployment", "web", env("n"))).set(int64(0), "spec", "replicas")
	s.must(nil, s.create(daemon, s.research, big, earnest))
	if err := s.patch("ann", s.research, big, `{"spec":{"replicas":3}}`); err != nil {
		t.Errorf("updating a large object: %v", err)
	}
}

// crowded has two hundred volumes of its pods' own.
func crowded(o object) object {
	claim := map[string]any{"metadata": map[string]any{"labels": env("n")}, "spec": an("PersistentVolumeClaim", "x", nil).Object["spec"]}
	var volumes []any
	for i := range 200 {
		volume := map[string]any{"name": fmt.Sprintf("v%d", i), "ephemeral": map[string]any{"volumeClaimTemplate": claim}}
		volumes = append(volumes, volume)
	}
	return o.set(volumes, "spec", "template", "spec", "volumes")
}

func TestOneMoreEnvironmentTouchesOneObject(t *testing.T) {
	s := &server{guard: sample("x")}
	s.crowd()
	made := objects(t, s.guard)
	s.guard.Shards = Read(made.Parameters).Shards
	s.guard.Known["7fffffff-new"] = "design"
	more := objects(t, s.guard)
	changed := 0
	for i := range more.Parameters {
		if !cmp.Equal(made.Parameters[i], more.Parameters[i]) {
			changed++
		}
	}
	if changed != 1 || !cmp.Equal(made.Bindings, more.Bindings) || !cmp.Equal(made.Policy, more.Policy) {
		t.Errorf("%d ConfigMaps changed, or more", changed)
	}
}
