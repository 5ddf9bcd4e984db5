package reconcile

import "testing"

func TestWhoseAnEnvironmentIs(t *testing.T) {
	r := Recognition{
		OrganizationLabel: "org",
		Organizations: map[string]Match{
			"research": {Namespaces: []string{"research"}, ServiceAccounts: []string{"coder:research"}},
			"design":   {IDs: []string{"d-1", "coder/d"}, Labels: map[string]string{"team": "design", "stage": "live"}},
			"plain":    {},
			"empty":    {Labels: map[string]string{"marker": ""}},
		},
	}
	type labels = map[string]string
	for _, is := range []struct {
		what, namespace, id string
		labels              labels
		want                string
	}{
		{"nothing says", "coder", "x", nil, ""},
		{"the namespace", "research", "x", nil, "research"},
		{"the id", "coder", "d-1", nil, "design"},
		{"namespace and name", "coder", "coder/d", nil, "design"},
		{"all labels", "coder", "x", labels{"team": "design", "stage": "live"}, "design"},
		{"one label of two", "coder", "x", labels{"team": "design"}, ""},
		{"an empty label", "coder", "x", labels{"marker": ""}, "empty"},
		{"the organization's label", "coder", "x", labels{"org": "plain"}, "plain"},
		{"the organization's label, empty", "coder", "x", labels{"org": ""}, ""},
		{"an organization that is not declared", "coder", "x", labels{"org": "nobody"}, ""},
		{"two that agree", "research", "x", labels{"org": "research"}, "research"},
		{"namespace against label", "research", "x", labels{"org": "design"}, ""},
		{"namespace against what is not declared", "research", "x", labels{"org": "nobody"}, ""},
		{"namespace against id", "research", "d-1", nil, ""},
	} {
		if got := r.Organization(is.namespace, is.id, is.labels); got != is.want {
			t.Errorf("%s: got %q, want %q", is.what, got, is.want)
		}
	}
	if got := (Recognition{}).Organization("coder", "", labels{"": "research"}); got != "" {
		t.Errorf("without any rule: got %q", got)
	}
}
