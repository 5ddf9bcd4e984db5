package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// What looks like a secret is not written down: a Secret takes its place, and the command that makes it does not
// quote it.
func TestSecretsAreNotImported(t *testing.T) {
	a := &adoption{settings: &settings{cluster: "eu"}, sources: map[string]string{"small": "oci://charts.example.com/x"}}
	values := map[string]any{
		"db":     map[string]any{"password": "hunter2", "host": "db"},
		"tokens": map[string]any{"apiToken": "hunter2"},
		"limit":  float64(3), "existingSecret": "db", "secretName": "db", "token": "",
	}
	one := kube.Installed{Namespace: "coder", Name: "old", Chart: "small", Version: "1.2.3", Values: values}
	a.found = []kube.Installed{one}
	from := func(key string) edit.Struct {
		return edit.Struct{{Name: "kind", Value: "Secret"}, {Name: "name", Value: "old-values"}, {Name: "key", Value: key}}
	}
	want := edit.Struct{
		{Name: "cluster", Value: "eu"}, {Name: "namespace", Value: "coder"},
		{Name: "chart", Value: edit.Struct{
			{Name: "oci", Value: "oci://charts.example.com/x"}, {Name: "name", Value: "small"}, {Name: "version", Value: "1.2.3"},
			{Name: "shape", Value: "none"},
		}},
		{Name: "release", Value: edit.Struct{{Name: "adopt", Value: true}}}, {Name: "enforcement", Value: "off"},
		{Name: "values", Value: map[string]any{
			"db": map[string]any{"host": "db"}, "limit": float64(3), "existingSecret": "db", "secretName": "db", "token": "",
		}},
		{Name: "valuesFrom", Value: edit.Struct{
			{Name: "db.password", Value: from("db.password")}, {Name: "tokens.apiToken", Value: from("tokens.apiToken")},
		}},
	}
	if diff := cmp.Diff(want, a.fields("old", one)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if values["db"].(map[string]any)["password"] != "hunter2" {
		t.Error("the values that it was given were changed")
	}
	said := a.advice()
	if strings.Contains(said, "hunter2") || !strings.Contains(said, "kubectl create secret generic old-values -n coder --from-literal=db.password=") {
		t.Errorf("it says\n%s", said)
	}
}

// Releases of one name are told apart by their namespaces.
func TestNamesOfImported(t *testing.T) {
	a := &adoption{found: []kube.Installed{{Namespace: "a", Name: "x"}, {Namespace: "b", Name: "x"}, {Namespace: "b", Name: "y"}}}
	for i, want := range []string{"a-x", "b-x", "y"} {
		if got := a.providerName(a.found[i]); got != want {
			t.Errorf("%+v is %s, want %s", a.found[i], got, want)
		}
	}
}
