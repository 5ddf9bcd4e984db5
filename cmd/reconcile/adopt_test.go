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
	if strings.Contains(said, "hunter2") || !strings.Contains(said, `"db.password": (."db"."password" // error("db.password is not there"))`) {
		t.Errorf("it says\n%s", said)
	}
}

// Where a Secret cannot take the place of what looks like a secret, a person says what it is; by its name in a list, too,
// and by what it holds.
func TestSecretsInListsAreNotImported(t *testing.T) {
	one := kube.Installed{Namespace: "coder", Name: "old", Values: map[string]any{
		"env": []any{
			map[string]any{"name": "DB_PASSWORD", "value": "hunter2"}, map[string]any{"name": "LEVEL", "value": "info"},
			map[string]any{"name": "FROM", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "db", "key": "password"}}},
		},
		"users":            []any{map[string]any{"password": "hunter2"}},
		"url":              "postgres://ada:hunter2@db/one",
		"app.dotted/token": "hunter2",
		"dbPass":           "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2", "signingKey": "hunter2",
		"imagePullSecrets": []any{map[string]any{"name": "registry"}},
		"tolerations":      []any{map[string]any{"key": "gpu", "operator": "Exists"}},
	}}
	a := &adoption{settings: &settings{cluster: "eu"}, found: []kube.Installed{one}}
	err := a.open()
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("it says %v", err)
	}
	for _, want := range []string{"coder/old: env[0].value (DB_PASSWORD)", "coder/old: users[0].password", "coder/old: app.dotted/token"} {
		if !strings.Contains(err.Error(), want+"\n") {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "  coder/old: "); n != 3 {
		t.Errorf("%d are named:\n%v", n, err)
	}
	var from []string
	for _, s := range a.secretsOf(one) {
		from = append(from, s.shown)
	}
	if diff := cmp.Diff([]string{"AWS_SECRET_ACCESS_KEY", "dbPass", "signingKey", "url"}, from); diff != "" {
		t.Errorf("taken from a Secret (-want +got):\n%s", diff)
	}
	a.plain = []string{"env[0].value", "users[0].password", "app.dotted/token", "url"}
	if err := a.open(); err != nil || len(a.secretsOf(one)) != 3 {
		t.Errorf("where it may be written down: %v, %v", err, a.secretsOf(one))
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
