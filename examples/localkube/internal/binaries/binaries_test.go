package binaries

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// install makes empty programs in a new directory.
func install(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestInstalledTakesTheAssetsFirstThenThePath(t *testing.T) {
	assets, path := install(t, "etcd", "kube-apiserver"), install(t, Names()...)
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	t.Setenv("PATH", path)
	set, missing := Installed()
	if missing != "" {
		t.Fatalf("%s is missing", missing)
	}
	for name, dir := range map[string]string{"etcd": assets, "kube-apiserver": assets, "kwok": path} {
		if want := filepath.Join(dir, name); len(set[name]) != 1 || set[name][0] != want {
			t.Errorf("%s is %v, want %s", name, set[name], want)
		}
	}
}

func TestInstalledIsAllOrNothing(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", "")
	t.Setenv("PATH", install(t, Names()[:4]...))
	if set, missing := Installed(); missing != "kwok" || set != nil {
		t.Errorf("Installed: %v, %q missing; want none, kwok missing", set, missing)
	}
}

func TestSourceIsFoundFromWithinTheRepository(t *testing.T) {
	here, err := Source("")
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs("../.."); here != want {
		t.Errorf("Source is %s, want %s", here, want)
	}
	if _, err := Source(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--source") {
		t.Errorf("Source of a directory without it: %v; want an error that names --source", err)
	}
}

func TestLinkerFlagsSayTheVersions(t *testing.T) {
	versions := map[string]string{
		"k8s.io/kubernetes": "v1.37.2", "k8s.io/client-go": "v0.37.2", "helm.sh/helm/v3": "v3.22.0",
	}
	for flag, all := range map[string]string{
		"-X k8s.io/component-base/version.gitVersion=v1.37.2": kubernetesFlags(versions),
		"-X k8s.io/component-base/version.gitMinor=37":        kubernetesFlags(versions),
		"-X helm.sh/helm/v3/internal/version.version=v3.22.0": helmFlags(versions),
		"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37": helmFlags(versions),
	} {
		if !strings.Contains(all, flag) {
			t.Errorf("%s is not in %s", flag, all)
		}
	}
}

func TestFollowCountsStepsAndKeepsComplaints(t *testing.T) {
	script := `echo "go: downloading example.com/a v1.0.0" >&2
echo example.com/a >&2; echo example.com/b >&2
echo "# example.com/b" >&2; echo "b.go:1:2: undefined: x" >&2; exit 1`
	var out bytes.Buffer
	err := follow(exec.Command("sh", "-c", script), &out)
	var exit *exec.ExitError
	complaint := "after 2 packages\n# example.com/b\nb.go:1:2: undefined: x"
	if !errors.As(err, &exit) || !strings.Contains(err.Error(), complaint) {
		t.Errorf("follow: %v; want the exit code and %q", err, complaint)
	}
	if want := "1 modules downloaded, 2 packages compiled"; !strings.Contains(out.String(), want) {
		t.Errorf("said %q, want %q", out.String(), want)
	}
}
