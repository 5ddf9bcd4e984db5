package admission

import (
	"strings"
	"testing"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the server says.
const (
	passes  = ""
	notOpen = "workspace provider frankfurt: organization design is not on its allowlist, " +
		"so it cannot create environments here; ask the platform team"
	unknown = "workspace provider frankfurt: it is not known of which organization this is, " +
		"so it cannot create environments here; ask the platform team"
	foreign   = "workspace provider frankfurt: a label names organization "
	foreignID = "is not of organization"
	differ    = "the object and its templates have different values of label " + idLabel
	mustLabel = "label " + orgLabel + " must be "
	fixedHere = "the labels that tell an environment and whose it is cannot be changed"
	only      = "this only asks, and is for dry runs"
)

// env are labels of an environment: its id, and more as "key=value".
func env(id string, more ...string) marked {
	out := marked{"com.coder.resource": "true"}
	if id != "" {
		out[idLabel] = id
	}
	for _, pair := range more {
		key, value, _ := strings.Cut(pair, "=")
		out[key] = value
	}
	return out
}

// org is the label that names an organization.
func org(name string) string { return orgLabel + "=" + name }

func TestWhoMayCreateWhat(t *testing.T) {
	s := newServer(t)
	s.install()
	s.door("research", passes)
	s.door("design", notOpen)
	researcher, designer := account(s.shared, "research"), account(s.shared, "design")
	red, blue := []string{"example.com/team=red", "example.com/stage=live"}, "example.com/team=blue"
	owned := []any{map[string]any{
		"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "2c0e8a4e-0f0f-4a4e-9d3c-0a8f0d3c2b1a", "controller": true,
	}}
	forged := func(o object) object { return o.set(owned, "metadata", "ownerReferences") }
	generated := func(o object) object {
		o = o.set(o.GetName(), "metadata", "generateName")
		delete(o.Object["metadata"].(map[string]any), "name")
		return o
	}
	ephemeral := func(l marked, o object) object {
		claim := an("PersistentVolumeClaim", "x", l)
		return o.set([]any{map[string]any{"name": "scratch", "ephemeral": map[string]any{"volumeClaimTemplate": map[string]any{
			"metadata": map[string]any{"labels": l}, "spec": claim.Object["spec"],
		}}}}, "spec", "volumes")
	}
	probe := func(l marked) object {
		return an("Pod", "web", l).set(marked{annotationShard: s.guard.shardName(0)}, "metadata", "annotations")
	}

	for _, try := range []struct {
		what, who, where string
		object           object
		want             string
	}{
		// Who asks.
		{"a controller of Kubernetes", controller, s.design, an("Pod", "web", env("n")), passes},
		{"the controller manager itself", "system:kube-controller-manager", s.design, an("Pod", "web", env("n")), passes},
		{"a node", "somebody in system:nodes", s.design, an("Pod", "web", env("n")), passes},
		{"a declared controller", account("operators", "workspaces"), s.design, an("Pod", "web", env("n")), passes},
		{"we ourselves", daemon, s.design, an("Pod", "web", env("n")), passes},
		{"an administrator is nobody special", "admin in system:masters", s.design, an("Pod", "web", env("n")), notOpen},
		{"a controller's name elsewhere", account(s.shared, "replicaset-controller"), s.design, an("Pod", "web", env("n")), notOpen},
		{"a user with the name of an account", s.shared + ":research", s.shared, an("Pod", "web", env("n")), unknown},
		{"forged ownerReferences", "ann", s.design, forged(an("Pod", "web", env("n"))), notOpen},

		// What is an environment.
		{"nothing says so", "ann", s.shared, an("Deployment", "web", marked{"app": "web"}), passes},
		{"no labels at all", "ann", s.shared, an("Pod", "web", nil), passes},
		{"the other selector", "ann", s.shared, an("Pod", "web", marked{"app": "coder-pvc"}), unknown},
		{"the other selector in part", "ann", s.shared, an("Pod", "web", marked{"app": "coder-pvc", "tier": "system"}), passes},
		{"no label, in an organization's namespace", "ann", s.design, an("Pod", "web", nil), notOpen},
		{"no label, by an organization's account", designer, s.shared, an("Pod", "web", marked{orgLabel: "design"}), notOpen},
		{"the template alone", "ann", s.shared, with("Deployment", "web", nil, env("n")), unknown},
		{"a volume of the pod alone", "ann", s.shared, ephemeral(env("n"), an("Pod", "web", nil)), unknown},
		{"outside the provider", "ann", "default", an("Pod", "web", env("n")), passes},

		// Whose it is.
		{"by namespace", "ann", s.research, an("Deployment", "web", env("n")), passes},
		{"by account", researcher, s.shared, an("StatefulSet", "web", env("n", org("research"))), passes},
		{"by account, closed", designer, s.shared, an("Deployment", "web", env("n", org("design"))), notOpen},
		{"by declared id", "ann", s.shared, an("Deployment", "web", env("declared")), notOpen},
		{"by declared name", "ann", s.shared, an("Pod", "declared-name", env("")), notOpen},
		{"by labels", "ann", s.shared, an("Deployment", "web", env("n", red...)), passes},
		{"by labels, closed", "ann", s.shared, an("Deployment", "web", env("n", blue)), "organization blue is not on its allowlist"},
		{"by one label of two", "ann", s.shared, an("Deployment", "web", env("n", red[0])), unknown},
		{"by the organization's label", "ann", s.shared, an("Deployment", "web", env("n", org("red"))), passes},
		{"by the organization's label, closed", "ann", s.shared, an("Deployment", "web", env("n", org("design"))), notOpen},
		{"an organization that is not declared", "ann", s.shared, an("Deployment", "web", env("n", org("nobody"))), unknown},
		{"a foreign label in a namespace", "ann", s.design, an("Pod", "web", env("n", org("research"))), foreign + "research"},
		{"a foreign label in an allowed namespace", "ann", s.research, an("Pod", "web", env("n", org("design"))), foreign + "design"},
		{"foreign labels in a namespace", "ann", s.design, an("Pod", "web", env("n", red...)), foreign + "red"},
		{"a foreign label by an account", designer, s.shared, an("Pod", "web", env("n", org("research"))), foreign + "research"},
		{"a foreign account in a namespace", researcher, s.design, an("Pod", "web", env("n")), "of organization design"},
		{"a foreign label on a declared id", "ann", s.shared, an("Pod", "web", env("declared", org("research"))), foreign + "research"},
		{"labels against each other", "ann", s.shared, an("Pod", "web", env("n", blue, org("red"))), foreign + "red"},
		{"a template of another organization", "ann", s.research, with("Deployment", "web", env("n"), env("n", org("design"))), foreign + "design"},
		{"a volume of another organization", "ann", s.research, ephemeral(env("n", org("design")), an("Pod", "web", env("n"))), foreign + "design"},
		{"a template with another id", "ann", s.research, with("Deployment", "web", env("n"), env("m")), differ},
		{"a template with another id in a CronJob", "ann", s.research, with("CronJob", "web", env("n"), env("m")), differ},
		{"an account without the label", researcher, s.shared, an("Pod", "web", env("n")), mustLabel + "research"},
		{"an account without any label", researcher, s.shared, an("Pod", "web", nil), mustLabel + "research"},
		{"an account, its template without the label", researcher, s.shared, with("Deployment", "web", env("n", org("research")), env("n")), mustLabel + "research"},
		{"an account in its organization's namespace", account(s.shared, "research"), s.research, an("Pod", "web", env("n")), passes},

		// What exists.
		{"it exists", "ann", s.design, an("Deployment", "web", env("design-1")), passes},
		{"it exists, by an account", designer, s.shared, an("Deployment", "web", env("design-1", org("design"))), passes},
		{"it exists, by a label", "ann", s.shared, an("Deployment", "web", env("blue-1", blue)), passes},
		{"it exists and is nobody's", "ann", s.shared, an("Deployment", "web", env("nobody-1")), passes},
		{"it exists and has no id", designer, s.shared, an("Pod", "design-pod", env("", org("design"))), passes},
		{"its name in another namespace", "ann", s.design, an("Pod", "design-pod", env("")), notOpen},
		{"an old name in a namespace", "ann", s.design, an("Pod", "old", nil), passes},
		{"an old name and an id", "ann", s.design, an("Pod", "old", env("n")), notOpen},
		{"a generated name like an old one", "ann", s.design, generated(an("Pod", "old", nil)), notOpen},
		{"a generated name", "ann", s.research, generated(an("Pod", "web-", nil)), passes},
		{"another's id", "ann", s.design, an("Deployment", "web", env("research-1")), foreignID},
		{"another's id, by who is allowed", "ann", s.research, an("Deployment", "web", env("design-1")), foreignID},

		// Probes.
		{"a probe", "ann", s.design, probe(marked{LabelProbe: "research"}), passes},
		{"a probe of another guard", "ann", s.shared, an("Pod", "web", marked{LabelProbe: "design"}).
			set(marked{annotationShard: s.guard.shardName(0) + "x"}, "metadata", "annotations"), passes},
		{"a probe in earnest", "ann", s.shared, probe(marked{LabelProbe: "research"}), only},
		{"a controller's probe in earnest", controller, s.design, probe(marked{LabelProbe: "research"}), only},
		{"a probe without a shard, in earnest", "ann", s.design, an("Pod", "web", marked{LabelProbe: "research"}), only},
		{"a controller's probe", controller, s.shared, probe(marked{LabelProbe: "design"}), notOpen},
		{"a probe of nobody", "ann", s.shared, probe(marked{LabelProbe: ""}), unknown},
		{"a probe of an id that exists", "ann", s.shared, probe(env("design-1", LabelProbe+"=design")), notOpen},
	} {
		how := dry
		if strings.Contains(try.what, "in earnest") {
			how = earnest
		}
		if err := s.create(try.who, try.where, try.object, how); !said(err, try.want) {
			t.Errorf("%s: got %v, want %q", try.what, err, try.want)
		}
	}
}

// account is the user name of a service account.
func account(namespace, name string) string { return "system:serviceaccount:" + namespace + ":" + name }

func TestEveryKindIsLookedAt(t *testing.T) {
	s := newServer(t)
	s.install()
	s.door("design", notOpen)
	apply := meta.ApplyOptions{FieldManager: "ann", DryRun: dry.DryRun}
	for _, kind := range kinds() {
		for _, try := range []struct {
			what, where string
			object      object
			want        string
		}{
			{"labelled", s.research, an(kind, "web", env("n")), passes},
			{"labelled", s.design, an(kind, "web", env("n")), notOpen},
			{"not labelled", s.research, an(kind, "web", nil), passes},
			{"not labelled", s.design, an(kind, "web", nil), notOpen},
			{"not labelled", s.shared, an(kind, "web", nil), passes},
			{"labelled and nobody's", s.shared, an(kind, "web", env("n")), unknown},
		} {
			if err := s.create("ann", try.where, try.object, dry); !said(err, try.want) {
				t.Errorf("creating a %s, %s, in %s: got %v, want %q", kind, try.what, try.where, err, try.want)
			}
			_, err := s.at("ann", try.where, kind).Apply(t.Context(), "web", &try.object.Unstructured, apply)
			if !said(err, try.want) {
				t.Errorf("applying a %s, %s, in %s: got %v, want %q", kind, try.what, try.where, err, try.want)
			}
		}
		if kind == "Pod" || kind == "PersistentVolumeClaim" {
			continue
		}
		if err := s.create("ann", s.shared, with(kind, "web", nil, env("n")), dry); !said(err, unknown) {
			t.Errorf("creating a %s with a labelled template: got %v, want %q", kind, err, unknown)
		}
	}
}
