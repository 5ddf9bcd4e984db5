package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// helmfile is measured too where it is on the PATH; it is never fetched. It does what the helm command line does,
// with `helmfile sync`, for the same releases in one go. `helmfile apply` looks first whether there is something to do,
// and needs a plugin of helm for that, so that it is left out, and so is a plan.
const helmfile = "helmfile"

// helmfileSpace is where it installs to.
const helmfileSpace = "thirds"

// helmfileState is what helmfile is asked for: helm's own values, the same for each release.
func (l *lab) helmfileState(values string) ([]byte, error) {
	type release struct {
		Name      string   `json:"name"`
		Namespace string   `json:"namespace"`
		Chart     string   `json:"chart"`
		Values    []string `json:"values"`
	}
	state := struct {
		Defaults map[string]any `json:"helmDefaults"`
		Releases []release      `json:"releases"`
	}{Defaults: map[string]any{"wait": false, "createNamespace": true}}
	for i := range l.releases {
		state.Releases = append(state.Releases, release{providerName(i), helmfileSpace, l.chart(), []string{values}})
	}
	return json.Marshal(state) // which is YAML
}

// helmfile has helmfile do a phase; false where there is none, or where it has no such thing.
func (l *lab) helmfile(ctx context.Context, p phase) (c cost, there bool, err error) {
	path, err := exec.LookPath(helmfile)
	if err != nil || p == plan {
		return c, false, nil
	}
	values := filepath.Join(l.dir, "values.json") // as helm was given them just now
	state, err := l.helmfileState(values)
	if err != nil {
		return c, false, err
	}
	file := filepath.Join(l.dir, "helmfile.yaml")
	if err := os.WriteFile(file, state, 0o600); err != nil {
		return c, false, err
	}
	c.releases = l.releases
	err = l.bill(ctx, helmfile, &c, func() error {
		run := l.command(ctx, path, "--file", file, "--helm-binary", l.programs[helm], "sync")
		run.Env = append(run.Env, "KUBECONFIG="+l.users[helmfile])
		c.usage, err = measure(run)
		if err == nil && c.usage.Code != 0 {
			err = fmt.Errorf("exit code %d:\n%s", c.usage.Code, c.usage.Out)
		}
		return err
	})
	if err != nil {
		return c, false, fmt.Errorf("helmfile, %s: %w", p, err)
	}
	return c, true, l.verify(ctx, outcome{map[string]bool{helmfileSpace: true}, l.releases, p.revision(false)})
}
