package admission

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

func TestMain(m *testing.M) { kubetest.Run(m, "eu") }

// Names that are the same in every test.
const (
	idLabel    = "com.coder.workspace.id"
	orgLabel   = "example.com/organization"
	controller = "system:serviceaccount:kube-system:replicaset-controller"
	daemon     = "reconcile-daemon"
)

// How to create: only asking, or in earnest.
var (
	dry     = meta.CreateOptions{DryRun: []string{meta.DryRunAll}}
	earnest = meta.CreateOptions{}
)

// server is a real API server with a guarded provider in namespaces of its own: one that everybody shares,
// one of organization research, which is allowed, and one of design, which is not.
type server struct {
	*testing.T
	config                   *rest.Config
	admin                    kubernetes.Interface
	guard                    Guard
	shared, research, design string
	warnings                 warnings
}

// warnings are what the server warned of.
type warnings struct {
	mu   sync.Mutex // requests may be concurrent
	text []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

func newServer(t *testing.T) *server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(kubetest.Dir(t), "eu.kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	s := &server{T: t, config: config}
	if s.admin, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	base := kubetest.Namespace(t)
	s.shared, s.research, s.design = base+"-shared", base+"-research", base+"-design"
	s.guard = sample(base)
	for _, name := range append(s.guard.Namespaces, s.guard.Namespace) {
		space := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name}}
		s.must(s.admin.CoreV1().Namespaces().Create(t.Context(), space, meta.CreateOptions{}))
	}
	_, err = s.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "everybody"},
		Subjects:   []rbac.Subject{{Kind: "Group", APIGroup: rbac.GroupName, Name: "system:authenticated"}},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	s.keep()
	t.Cleanup(s.clean)
	return s
}

// keep makes the server hold the keeper, which nobody takes away.
func (s *server) keep() {
	s.Helper()
	policy, binding := Keeper()
	registration := s.admin.AdmissionregistrationV1()
	_, err := registration.ValidatingAdmissionPolicies().Create(s.Context(), &policy, meta.CreateOptions{})
	if err == nil {
		_, err = registration.ValidatingAdmissionPolicyBindings().Create(s.Context(), &binding, meta.CreateOptions{})
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		s.Fatal(err)
	}
}

// sample guards a provider on which two organizations are recognised by what nobody can claim, and two by
// labels; research and red are allowed.
func sample(base string) Guard {
	return Guard{
		Owner: base, Provider: "frankfurt", Namespace: base + "-ours", Identity: daemon,
		Open: map[string]bool{"research": true, "red": true},
		Admission: reconcile.Admission{
			Mode: reconcile.Enforce, Contact: "the platform team",
			Namespaces: []string{base + "-shared", base + "-research", base + "-design"},
			Recognition: reconcile.Recognition{
				Selectors:         []string{"com.coder.resource=true", "app in (coder-workspace, coder-pvc),tier!=system"},
				IDLabel:           idLabel,
				OwnerLabel:        "com.coder.user.username",
				OrganizationLabel: orgLabel,
				Prebuilt:          "com.coder.user.username=prebuilds",
				Trusted:           []string{"operators:workspaces"},
				Organizations: map[string]reconcile.Match{
					"research": {Namespaces: []string{base + "-research"}, ServiceAccounts: []string{base + "-shared:research"}},
					"design": {
						Namespaces: []string{base + "-design"}, ServiceAccounts: []string{base + "-shared:design"},
						IDs: []string{"declared", base + "-shared/declared-name"},
					},
					"red":  {Labels: map[string]string{"example.com/team": "red", "example.com/stage": "live"}},
					"blue": {Labels: map[string]string{"example.com/team": "blue"}},
				},
			},
		},
		Known: map[string]string{
			"design-1": "design", "research-1": "research", "blue-1": "blue", "nobody-1": "",
			base + "-shared/design-pod": "design", base + "-design/old": "design",
		},
	}
}

func (s *server) must(_ any, err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// install makes the server hold what the guard makes.
func (s *server) install() Objects {
	s.Helper()
	made, err := s.guard.Objects()
	if err != nil {
		s.Fatal(err)
	}
	ctx, registration := s.Context(), s.admin.AdmissionregistrationV1()
	parameters := s.admin.CoreV1().ConfigMaps(s.guard.Namespace)
	for _, p := range made.Parameters {
		if _, err := parameters.Update(ctx, &p, meta.UpdateOptions{}); apierrors.IsNotFound(err) {
			s.must(parameters.Create(ctx, &p, meta.CreateOptions{}))
		} else if err != nil {
			s.Fatal(err)
		}
	}
	policies, bindings := registration.ValidatingAdmissionPolicies(), registration.ValidatingAdmissionPolicyBindings()
	if _, err := policies.Create(ctx, made.Policy, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		s.Fatal(err)
	}
	for _, b := range made.Bindings {
		if _, err := bindings.Create(ctx, &b, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			s.Fatal(err)
		}
	}
	return made
}

// clean takes the guard away: it is outside the namespaces.
func (s *server) clean() {
	ctx, registration := context.WithoutCancel(s.Context()), s.admin.AdmissionregistrationV1()
	ours, now := meta.ListOptions{LabelSelector: LabelOwner + "=" + s.guard.Owner}, meta.DeleteOptions{}
	if err := registration.ValidatingAdmissionPolicyBindings().DeleteCollection(ctx, now, ours); err != nil {
		s.Error(err)
	}
	if err := registration.ValidatingAdmissionPolicies().DeleteCollection(ctx, now, ours); err != nil {
		s.Error(err)
	}
}

// door waits until every shard answers like this about an organization; the answer is part of the refusal,
// empty: there is none.
func (s *server) door(organization, answer string) {
	s.Helper()
	for _, probe := range s.guard.Probes(s.shared, organization) {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			_, err := s.admin.CoreV1().Pods(s.shared).Create(s.Context(), probe, dry)
			if said(err, answer) {
				break
			}
			if time.Now().After(deadline) {
				s.Fatalf("asked for %s and waited for %q in vain: %v", organization, answer, err)
			}
		}
	}
}

// said tells whether an error is the expected refusal, or none where none is expected.
func said(err error, refusal string) bool {
	if refusal == "" {
		return err == nil
	}
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), refusal)
}

// as is the server as somebody sees it, who is a "user" or a "user in group".
func (s *server) as(user string) dynamic.Interface {
	s.Helper()
	config := rest.CopyConfig(s.config)
	config.WarningHandler = &s.warnings
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	if name, group, grouped := strings.Cut(user, " in "); grouped {
		config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated", group}}
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// at is where objects of a kind are, as somebody sees it.
func (s *server) at(who, where, kind string) dynamic.ResourceInterface {
	return s.as(who).Resource(resources[kind]).Namespace(where)
}

// create makes an object; with dry, it only asks.
func (s *server) create(who, where string, o object, how meta.CreateOptions) error {
	_, err := s.at(who, where, o.GetKind()).Create(s.Context(), &o.Unstructured, how)
	return err
}

// until waits for a condition that must come true.
func (s *server) until(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain for %s", what)
		}
	}
}
