package main

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// root is the repository, seen from here.
const root = "../.."

// goOutput runs the go command in a directory.
func goOutput(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// imports lists what each of our packages imports itself, tests aside. Ours are named without the module.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	module := strings.TrimSpace(goOutput(t, root, "list", "-m")) + "/"
	all := map[string][]string{}
	list := json.NewDecoder(strings.NewReader(goOutput(t, root, "list", "-json=ImportPath,Imports", "./...")))
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := list.Decode(&pkg); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, module)
		for _, path := range pkg.Imports {
			if short, ours := strings.CutPrefix(path, module); ours {
				path = "./" + short
			}
			all[name] = append(all[name], path)
		}
	}
}

// TestArrowsBetweenPackages shows a new dependency between two packages of ours as a line in review.
func TestArrowsBetweenPackages(t *testing.T) {
	t.Parallel()
	var arrows []string
	for from, paths := range imports(t) {
		for _, path := range paths {
			if to, ours := strings.CutPrefix(path, "./"); ours {
				arrows = append(arrows, from+" → "+to+"\n")
			}
		}
	}
	slices.Sort(arrows)
	got := strings.Join(arrows, "")
	const file = "testdata/arrows.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the arrows are others than in %s; if they are meant, make fix writes it:\n%s", file, diff)
	}
}

// TestTwoLeavesAndABridge: neither what people ask for nor what we do knows anything else of ours, and what
// we do needs the standard library only.
func TestTwoLeavesAndABridge(t *testing.T) {
	t.Parallel()
	all := imports(t)
	for _, path := range all["reconcile"] {
		if strings.Contains(strings.Split(path, "/")[0], ".") {
			t.Errorf("reconcile imports %s, and may import the standard library only", path)
		}
	}
	for _, path := range all["schema"] {
		if strings.HasPrefix(path, "./") {
			t.Errorf("schema imports %s, and may import nothing of ours", path)
		}
	}
	for from, paths := range all {
		for _, path := range paths {
			testing := strings.HasSuffix(path, "test") && !strings.HasSuffix(from, "test")
			command := strings.HasPrefix(path, "./cmd/") && !strings.HasPrefix(path, "./"+from+"/")
			if command || testing && strings.HasPrefix(path, "./") {
				t.Errorf("%s imports %s, which is there for nobody else's program", from, path)
			}
		}
	}
}

// required lists the modules that a go.mod requires, with their versions.
func required(t *testing.T, dir string) map[string]string {
	t.Helper()
	var mod struct {
		Go      string
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal([]byte(goOutput(t, dir, "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{"go": mod.Go}
	for _, r := range mod.Require {
		versions[r.Path] = r.Version
	}
	return versions
}

// TestKubernetesAndHelmAreOfOneVersion: mixed modules of Kubernetes do not fit together. What the clusters of
// our tests are built from has the same versions, so that what both share is compiled once and compares.
func TestKubernetesAndHelmAreOfOneVersion(t *testing.T) {
	t.Parallel()
	product, clusters := required(t, root), required(t, filepath.Join(root, "examples", "localkube"))
	const helm = "helm.sh/helm/v3"
	if product[helm] != clusters[helm] {
		t.Errorf("%s is %s, and %s in examples/localkube", helm, product[helm], clusters[helm])
	}
	want := product["k8s.io/client-go"]
	apart := []string{ // Kubernetes itself, v1 where its libraries are v0, and what has versions of its own
		"k8s.io/kubernetes", "k8s.io/klog/v2", "k8s.io/kube-openapi", "k8s.io/utils", "k8s.io/gengo/v2",
	}
	for _, versions := range []map[string]string{product, clusters} {
		for path, version := range versions {
			if strings.HasPrefix(path, "k8s.io/") && !slices.Contains(apart, path) && version != want {
				t.Errorf("%s is %s, and k8s.io/client-go %s", path, version, want)
			}
		}
	}
	if got := clusters["k8s.io/kubernetes"]; got != strings.Replace(want, "v0", "v1", 1) {
		t.Errorf("k8s.io/kubernetes is %s, and k8s.io/client-go %s", got, want)
	}
}

// TestVersionsWithKnownHolesAreNotUsed names the oldest versions without published advisories.
func TestVersionsWithKnownHolesAreNotUsed(t *testing.T) {
	t.Parallel()
	have := required(t, root)
	for path, floor := range map[string]string{
		"go":                            "1.26",
		"github.com/go-git/go-git/v5":   "v5.19.3",
		"github.com/go-git/go-billy/v5": "v5.9.0",
		"helm.sh/helm/v3":               "v3.20.2",
		"oras.land/oras-go/v2":          "v2.6.2",
	} {
		version, err := semver.NewVersion(have[path])
		if err != nil {
			t.Errorf("%s %q: %v", path, have[path], err)
		} else if version.LessThan(semver.MustParse(floor)) {
			t.Errorf("%s is %s, and must be %s at least", path, version, floor)
		}
	}
}
