package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// repository is a small one, with a program that says how it was built. Its history is the same each time.
func repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repository")
	for file, text := range map[string]string{
		"go.mod": "module example.com/small\n\ngo 1.26.0\n", "LICENSE": "Take it.\n",
		"cmd/reconcile/main.go": "package main\n\nvar version, commit string\n\nfunc main() { print(version, \" \", commit) }\n",
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "--quiet", "--initial-branch", "main")
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message", "first")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
	const when = "2026-01-02T03:04:05Z"
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// built is a release in a directory of its own.
func built(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if err := run(append(args, "-o", out)); err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Two builds of one commit, from clones in two places, are the same to the last byte, whatever the environment says.
func TestAReleaseIsTheSameEachTime(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles Go's own packages for four platforms, which -short leaves out")
	}
	first, second := repository(t), repository(t)
	git(t, first, "tag", "v1.2.3")
	git(t, second, "tag", "v1.2.3")
	one := built(t, "-root", first)
	t.Setenv("GOFLAGS", "-tags=other -ldflags=-X=main.version=other")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	two := built(t, "-root", second)
	want, got := string(read(t, one, sums)), string(read(t, two, sums))
	if want != got {
		t.Errorf("first:\n%ssecond:\n%s", want, got)
	}
	if n := strings.Count(want, "\n"); n != 9 {
		t.Errorf("%d files, want an archive and a list for each of four platforms, and an image:\n%s", n, want)
	}
	checkSums(t, one)
}

// checkSums wants each file to be what is said of it.
func checkSums(t *testing.T, dir string) {
	t.Helper()
	for line := range strings.Lines(string(read(t, dir, sums))) {
		want, file, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got := sha256.Sum256(read(t, dir, file)); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s has another sum than %s says", file, sums)
		}
	}
}

// The version is the tag; of what has none it is the commit, and of what is not committed that says so.
func TestTheVersionComesFromGit(t *testing.T) {
	dir := repository(t)
	commit := git(t, dir, "rev-parse", "HEAD")
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, commit[:7]},
		{func() { git(t, dir, "tag", "v1.2.3") }, "v1.2.3"},
		{func() { git(t, dir, "tag", "other") }, "v1.2.3"},
		{func() { git(t, dir, "commit", "--quiet", "--allow-empty", "--message", "second") }, `v1\.2\.3-1-g[0-9a-f]{7}`},
		{func() {
			if err := os.WriteFile(filepath.Join(dir, "LICENSE"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, `v1\.2\.3-1-g[0-9a-f]{7}-dirty`},
	} {
		step.do()
		r := release{root: dir}
		if err := r.identify(); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile("^" + step.want + "$").MatchString(r.version) {
			t.Errorf("version %s, want %s", r.version, step.want)
		}
	}
}

// What is in a program is read from the program itself: here from this test.
func TestTheListOfContents(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bom, err := contents(self, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := contents(self, "v1.2.3"); err != nil || again.SerialNumber != bom.SerialNumber {
		t.Errorf("it has another number each time: %v", err)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bom.SerialNumber) {
		t.Errorf("serial number %s", bom.SerialNumber)
	}
	has := map[string]string{}
	for _, c := range *bom.Components {
		has[c.Name] = c.PackageURL
	}
	if want := "pkg:golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go"); has["stdlib"] != want {
		t.Errorf("of Go it says %q, want %q", has["stdlib"], want)
	}
	if !strings.HasPrefix(has["github.com/google/go-containerregistry"], "pkg:golang/github.com/google/go-containerregistry@v0.") {
		t.Errorf("it has %v", has)
	}
	if main := bom.Metadata.Component; main.Version != "v1.2.3" || len(*main.Hashes) != 1 || len(*(*bom.Dependencies)[0].Dependencies) != len(has) {
		t.Errorf("of the program it says %+v", main)
	}
}

// The program itself, as it is released: it runs from its archive and from its image, says which it is, and what is in
// it is listed.
func TestTheReleaseOfThisCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the whole program as releases are, which -short leaves out")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the image is of Linux, and is run here")
	}
	platform := "linux/" + runtime.GOARCH
	one, two := built(t, "-platforms", platform), built(t, "-platforms", platform)
	if want, got := string(read(t, one, sums)), string(read(t, two, sums)); want != got {
		t.Errorf("first:\n%ssecond:\n%s", want, got)
	}
	checkSums(t, one)
	r := release{root: "../.."}
	if err := r.identify(); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(one, name+"-"+r.version)
	for where, program := range map[string][]byte{
		"image":   filesIn(t, imageIn(t, base+imageSuffix))[name],
		"archive": archived(t, base+"-"+strings.ReplaceAll(platform, "/", "-")+".tar.gz"),
	} {
		var got struct{ Version, Commit, Go, Platform string }
		if err := json.Unmarshal([]byte(runs(t, program, "version", "-o", "json")), &got); err != nil {
			t.Fatal(err)
		}
		if got.Version != r.version || got.Commit != r.commit || got.Platform != platform || got.Go != runtime.Version() {
			t.Errorf("in the %s it says %+v", where, got)
		}
	}
	var bom cdx.BOM
	if err := json.Unmarshal(read(t, base+"-"+strings.ReplaceAll(platform, "/", "-")+".cdx.json"), &bom); err != nil {
		t.Fatal(err)
	}
	if len(*bom.Components) < 100 || !strings.Contains(fmt.Sprint(*bom.Components), "helm.sh/helm/v3") {
		t.Errorf("%d components", len(*bom.Components))
	}
}

// archived is the program in an archive.
func archived(t *testing.T, file string) []byte {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return untar(t, plain)[name]
}
