package main

import (
	"strings"
	"testing"
)

func TestHelmfileIsAskedForTheSameReleases(t *testing.T) {
	l := &lab{scene: scene{releases: 2}, dir: "/lab"}
	state, err := l.helmfileState("/lab/values.json")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"helmDefaults":{"createNamespace":true,"wait":false},"releases":[` +
		`{"name":"p0001","namespace":"thirds","chart":"/lab/declarations/workspace-provider","values":["/lab/values.json"]},` +
		`{"name":"p0002","namespace":"thirds","chart":"/lab/declarations/workspace-provider","values":["/lab/values.json"]}]}`
	if strings.TrimSpace(string(state)) != want {
		t.Errorf("%s\nwant\n%s", state, want)
	}
}
