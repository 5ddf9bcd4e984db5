package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labelled are labels as Coder's templates set them.
func labelled(id, owner string, more ...string) map[string]string {
	out := map[string]string{"id": id, "owner": owner}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestEnvironmentsAreCountedOnceEach(t *testing.T) {
	r := Recognition{
		IDLabel: "id", OwnerLabel: "owner", OrganizationLabel: "org",
		Organizations: map[string]Match{
			"red": {Namespaces: []string{"red-ws"}}, "blue": {Labels: map[string]string{"team": "blue"}}, "green": {IDs: []string{"7"}},
		},
	}
	for _, test := range []struct {
		name string
		all  []Workload
		want []Environment
	}{
		{"running: a pod and all that it needs", []Workload{
			{"Pod", "red-ws", "dev-x1", labelled("1", "ada"), false},
			{"Deployment", "red-ws", "dev", labelled("1", "ada"), false},
			{"PersistentVolumeClaim", "red-ws", "dev-home", labelled("1", "ada"), false},
		}, []Environment{{ID: "1", Organization: "red", Owner: "ada", Namespace: "red-ws", Name: "dev", Running: true}}},
		{"stopped: a volume alone", []Workload{{"PersistentVolumeClaim", "red-ws", "dev-home", labelled("1", "ada"), false}},
			[]Environment{{ID: "1", Organization: "red", Owner: "ada", Namespace: "red-ws", Name: "dev-home"}}},
		{"scaled to zero", []Workload{{"StatefulSet", "red-ws", "dev", labelled("1", "ada"), false}},
			[]Environment{{ID: "1", Organization: "red", Owner: "ada", Namespace: "red-ws", Name: "dev"}}},
		{"without id", []Workload{{"Pod", "coder", "dev", map[string]string{"team": "blue"}, false}},
			[]Environment{{ID: "coder/dev", Organization: "blue", Namespace: "coder", Name: "dev", Running: true}}},
		{"by declared id", []Workload{{"Pod", "coder", "dev", labelled("7", ""), false}},
			[]Environment{{ID: "7", Organization: "green", Namespace: "coder", Name: "dev", Running: true}}},
		{"by label of the organization", []Workload{{"Pod", "coder", "dev", labelled("2", "", "org", "green"), false}},
			[]Environment{{ID: "2", Organization: "green", Namespace: "coder", Name: "dev", Running: true}}},
		{"of an organization that nobody declared", []Workload{{"Pod", "coder", "dev", labelled("2", "", "org", "pink"), false}},
			[]Environment{{ID: "2", Namespace: "coder", Name: "dev", Running: true}}},
		{"of nobody known", []Workload{{"Pod", "coder", "dev", labelled("2", "bob"), false}},
			[]Environment{{ID: "2", Owner: "bob", Namespace: "coder", Name: "dev", Running: true}}},
		{"namespace and label contradict", []Workload{{"Pod", "red-ws", "dev", labelled("2", "", "team", "blue"), false}},
			[]Environment{{ID: "2", Namespace: "red-ws", Name: "dev", Running: true}}},
		{"its objects contradict", []Workload{
			{"Pod", "red-ws", "dev", labelled("2", ""), false}, {"Pod", "coder", "dev", labelled("2", "", "team", "blue"), false},
		}, []Environment{{ID: "2", Namespace: "coder", Name: "dev", Running: true}}},
		{"made in advance", []Workload{{"Pod", "red-ws", "dev", labelled("3", "prebuilds"), true}},
			[]Environment{{ID: "3", Organization: "red", Owner: "prebuilds", Namespace: "red-ws", Name: "dev", Running: true, Prebuilt: true}}},
		{"made in advance, and given to somebody", []Workload{
			{"Deployment", "red-ws", "dev", labelled("3", "ada"), false}, {"PersistentVolumeClaim", "red-ws", "home", labelled("3", "prebuilds"), true},
		}, []Environment{{ID: "3", Organization: "red", Owner: "ada", Namespace: "red-ws", Name: "dev"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, r.Environments(test.all)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
