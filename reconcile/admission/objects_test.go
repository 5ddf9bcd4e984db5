package admission

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// Fifty thousand environments, five hundred organizations and a large object stay within what a policy may
// cost, and a new environment touches one ConfigMap.
func TestFiftyThousandEnvironments(t *testing.T) {
	s := newServer(t)
	delete(s.guard.Recognition.Organizations, "red")
	for i := range 50_000 {
		s.guard.Known[fmt.Sprintf("%08x-58cc-4372-a567-0e02b2c3d479", i*85_899)] = "design"
	}
	for i := range 500 {
		name := fmt.Sprintf("organization-%03d", i)
		match := s.guard.Recognition.Organizations["blue"]
		match.Labels = map[string]string{"example.com/team": name, "example.com/stage": "live"}
		s.guard.Recognition.Organizations[name], s.guard.Open[name] = match, true
	}
	began := time.Now()
	made := s.install()
	s.door("design", notOpen)
	t.Logf("%d shards, installed and answered in %v", len(made.Parameters), time.Since(began))
	for _, p := range made.Parameters {
		if size := len(p.String()); size > 600<<10 {
			t.Errorf("%s is %d KiB", p.Name, size>>10)
		}
	}
	last := "example.com/team=organization-499"
	dry := []string{meta.DryRunAll}
	for _, try := range []struct {
		what, where string
		object      object
		want        string
	}{
		{"the first", s.design, an("StatefulSet", "web", env("00000000-58cc-4372-a567-0e02b2c3d479")), passes},
		{"the last", s.design, an("StatefulSet", "web", env(fmt.Sprintf("%08x-58cc-4372-a567-0e02b2c3d479", 49_999*85_899))), passes},
		{"before all", s.design, an("StatefulSet", "web", env("0")), notOpen},
		{"after all", s.design, an("StatefulSet", "web", env("zzz")), notOpen},
		{"without an id", s.design, an("StatefulSet", "web", env("")), notOpen},
		{"the last organization's", s.shared, an("StatefulSet", "web", env("n", last, "example.com/stage=live")), passes},
	} {
		began := time.Now()
		at := s.as("ann").Resource(resources["StatefulSet"]).Namespace(try.where)
		for range 5 {
			if _, err := at.Create(t.Context(), &try.object.Unstructured, meta.CreateOptions{DryRun: dry}); !said(err, try.want) {
				t.Fatalf("%s: got %v, want %q", try.what, err, try.want)
			}
		}
		t.Logf("%s: %v a request", try.what, time.Since(began)/5)
	}
	big := an("StatefulSet", "web", env("n"))
	volumes := []any{}
	for i := range 200 {
		volumes = append(volumes, map[string]any{"name": fmt.Sprintf("v%d", i), "ephemeral": map[string]any{"volumeClaimTemplate": map[string]any{
			"metadata": map[string]any{"labels": env("n")}, "spec": an("PersistentVolumeClaim", "x", nil).Object["spec"],
		}}})
	}
	big = big.set(volumes, "spec", "template", "spec", "volumes")
	s.must(nil, s.create(daemon, s.research, big.set(int64(0), "spec", "replicas")))
	began = time.Now()
	if err := s.patch("ann", s.research, big, `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example/app:2"}]}}}}`); err != nil {
		t.Errorf("updating a large object: %v", err)
	}
	t.Logf("updating a large object: %v", time.Since(began))

	s.guard.Shards = Read(made.Parameters).Shards
	s.guard.Known["7fffffff-new"] = "design"
	more, err := s.guard.Objects()
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i := range more.Parameters {
		if !cmp.Equal(made.Parameters[i].Data, more.Parameters[i].Data) {
			changed++
		}
	}
	if changed != 1 || !cmp.Equal(made.Bindings, more.Bindings) || !cmp.Equal(made.Policy, more.Policy) {
		t.Errorf("one more environment changed %d ConfigMaps", changed)
	}
}
