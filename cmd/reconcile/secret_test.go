package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// A value from a Secret is waited for, applied when it comes, rolls the pods when it is rotated, and is
// said nowhere.
func TestSecretValues(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu"
	values: greeting: "won"
	valuesFrom: {
		"token.value": {kind: "Secret", name: "token", key: "it"}
		document: {kind: "Secret", name: "more"}
		"podAnnotations.note": {kind: "ConfigMap", name: "notes", key: "note"}
	}
}`)
	sha := s.push()
	d := s.daemon()
	d.until("it waits for its Secret", func(doc status.StatusDoc) bool {
		h := held(doc, "frankfurt")
		return h.Reason == reconcile.WaitingForSecret && strings.Contains(h.Message, s.name+"/more is not there yet")
	})
	s.noted(sha, "apply failure eu/frankfurt: held, waiting for secret")
	var said strings.Builder // everything that was said to anybody
	hear := func() { said.WriteString(d.hear()) }
	hear()
	s.kubectl(eu, "create", "configmap", "notes", "--from-literal=note=first")
	s.kubectl(eu, "create", "secret", "generic", "more", "--from-literal=values.yaml=limit: 1000000\npassword: canary-four\ngreeting: lost")
	s.kubectl(eu, "create", "secret", "generic", "token", "--from-literal=it=canary-one")
	d.ready(sha, "frankfurt")
	hear()
	var values map[string]any
	decode(s, s.helm(eu, "get", "values", "frankfurt", "-o", "json"), &values)
	want := map[string]any{
		"greeting": "won", "limit": json.Number("1000000"), "password": "canary-four",
		"token": map[string]any{"value": "canary-one"}, "podAnnotations": map[string]any{"note": "first"},
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("helm get values: -want +got:\n%s", diff)
	}
	if got := s.limit(); got != "1000000" {
		t.Errorf("the chart made %s of 1000000", got)
	}
	token := func() string {
		return s.kubectl(eu, "get", "secret", "frankfurt", "-o", "jsonpath={.data.token}")
	}
	pod := func() string {
		return s.kubectl(eu, "get", "pods", "-l", "app=frankfurt", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}")
	}
	before := pod()
	s.kubectl(eu, "patch", "secret/token", "-p", `{"stringData":{"it":"canary-two"}}`)
	s.await("a rotated Secret rolls the pods", func() (any, bool) {
		got := pod()
		return got, got != "" && !strings.Contains(got, before) &&
			token() == base64.StdEncoding.EncodeToString([]byte("canary-two"))
	})
	d.until("it is Ready at the rotated one", func(doc status.StatusDoc) bool {
		p := provider(doc, "frankfurt")
		return p.Applied && p.Status == status.Ready && revision(doc, "frankfurt") == 2
	})
	s.kubectl(eu, "patch", "secret/frankfurt", "-p", `{"stringData":{"token":"canary-three"}}`)
	s.await("an edited Secret is repaired", func() (any, bool) {
		got := token()
		return got, got == base64.StdEncoding.EncodeToString([]byte("canary-two"))
	})
	hear()
	s.declare("b.cue", `providers: frankfurt: values: limit: 5`)
	hear()
	d.ready(s.push(), "frankfurt")
	hear()
	said.WriteString(d.log.String())
	s.silent(said.String())
}

// hear is what is said of frankfurt to anybody but in the log.
func (d *daemon) hear() string {
	d.Helper()
	var said strings.Builder
	for _, path := range []string{"/", "/api/v1/status", "/api/v1/plan?verbose=true", "/metrics"} {
		_, body := d.get(path)
		said.WriteString(body)
	}
	for _, args := range [][]string{{"--dry-run", "--verbose"}, {"--dry-run", "--verbose", "-o", "json"}, {"--dry-run", "-o", "markdown"}, {"status"}, {"explain", "frankfurt"}} {
		got := d.run(append(args, "--repo", d.bare)...)
		said.WriteString(got.out + got.err)
	}
	said.WriteString(d.kubectl(eu, "get", "configmaps", "-l", "reconcile.workspace-providers.dev/record", "-o", "yaml", "--show-managed-fields"))
	said.WriteString(d.kubectl(eu, "get", "events", "-o", "yaml"))
	said.WriteString(d.git("-C", d.bare, "log", "--all", "-p"))
	return said.String()
}

// What is made of a Secret's value may be refused, by the chart or the API server, and then they quote it: where that
// was is passed on, and their words are not. The edit of a field that came from a Secret is told without either value,
// and so are the pods that do not start.
func TestSecretsAreNotInErrors(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	s.kubectl(eu, "create", "secret", "generic", "odd", "--from-literal=values.yaml=image: pause")
	declare := func(chart string) string {
		s.declare("a.cue", fmt.Sprintf(`providers: frankfurt: {cluster: "eu", chart: path: "charts/%s"
	valuesFrom: document: {kind: "Secret", name: "odd"}}`, chart))
		return s.push()
	}
	d := s.daemon()
	d.ready(declare("small"), "frankfurt")
	var said strings.Builder
	for _, tt := range []struct{ name, chart, doc, want string }{
		{"an annotation", "small", `podAnnotations: {canary-one/a/b: x}`, "422 Invalid, of kind Deployment at spec.template.annotations"},
		{"a number", "small", `replicas: canary-one`, "the API server refuses an object: 422 Invalid at patch"},
		{"what is no YAML", "small", `image: "canary-one: {"`, "cannot be rendered with these values"},
		{"a chart that tells", "telling", `token: canary-one`, "cannot be rendered with these values at telling/templates/all.yaml:1:"},
	} {
		patch, err := json.Marshal(map[string]any{"stringData": map[string]string{"values.yaml": tt.doc}})
		if err != nil {
			t.Fatal(err)
		}
		s.kubectl(eu, "patch", "secret/odd", "-p", string(patch))
		declare(tt.chart)
		d.until(tt.name+" is refused", func(doc status.StatusDoc) bool {
			text, err := json.Marshal(doc)
			return err == nil && strings.Contains(string(text), tt.want) && strings.Contains(string(text), "may quote values from Secret "+s.name+"/odd")
		})
		said.WriteString(d.hear())
	}
	s.kubectl(eu, "patch", "secret/odd", "-p", `{"stringData":{"values.yaml":"greeting: canary-one\npodAnnotations: {localkube.dev/fail: CreateContainerConfigError, localkube.dev/message: canary-two}"}}`)
	declare("small")
	d.until("its pods do not start", func(doc status.StatusDoc) bool {
		return strings.HasSuffix(provider(doc, "frankfurt").Message, "container main: CreateContainerConfigError")
	})
	said.WriteString(d.hear())
	s.kubectl(eu, "patch", "configmap/frankfurt", "-p", `{"data":{"greeting":"canary-three"}}`)
	s.await("the edit is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data.greeting}")
		return got, got == "canary-one"
	})
	said.WriteString(d.hear())
	said.WriteString(d.log.String())
	s.silent(said.String())
}

// silent wants a text, and all files that the daemon wrote, to hold no canary in any form.
func (s *site) silent(said string) {
	s.Helper()
	if len(said) < 10_000 {
		s.Fatalf("so little was said that nothing is proved:\n%s", said)
	}
	for _, canary := range []string{"canary-one", "canary-two", "canary-three", "canary-four"} {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
			if at := strings.Index(said, form); at >= 0 {
				s.Errorf("a secret was said: …%s…", said[max(0, at-300):min(len(said), at+100)])
			}
			out, err := exec.Command("grep", "-rlF", form, filepath.Dir(s.creds)).Output()
			if err == nil {
				s.Errorf("a secret is in files:\n%s", out)
			}
		}
	}
}
