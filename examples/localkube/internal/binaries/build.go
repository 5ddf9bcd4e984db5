package binaries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// A Target is a program that Build can make.
type Target struct {
	Name  string // of the program, and of its file
	What  string // it is, for people
	Time  string // it takes the first time, on two cores
	pkg   string
	flags func(versions map[string]string) string // for the linker
}

// Targets returns what can be built, the programs of a cluster first, then tools of the same
// versions.
func Targets() []Target {
	return []Target{{
		Name: "kubernetes",
		What: "etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok in one program",
		Time: "5 to 12 minutes",
		pkg:  "./kubernetes", flags: kubernetesFlags,
	}, {
		Name: "helm",
		What: "the Helm command",
		Time: "up to 4 minutes",
		pkg:  "helm.sh/helm/v3/cmd/helm", flags: helmFlags,
	}, {
		Name: "kubectl",
		What: "the Kubernetes command",
		Time: "up to 4 minutes",
		pkg:  "k8s.io/kubernetes/cmd/kubectl", flags: kubernetesFlags,
	}}
}

// Parse returns the target of that name.
func Parse(name string) (Target, error) {
	var names []string
	for _, target := range Targets() {
		if target.Name == name {
			return target, nil
		}
		names = append(names, target.Name)
	}
	return Target{}, fmt.Errorf("program %q: must be one of %s", name, strings.Join(names, ", "))
}

// kubernetesFlags are those of Kubernetes' own release: without them a server says that it is
// v0.0.0, and charts that ask for a version refuse it. Nothing in them changes from build to build,
// so that a second build finds its work done.
func kubernetesFlags(versions map[string]string) string {
	version := versions["k8s.io/kubernetes"]
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, variable := range [][2]string{
			{"gitVersion", version}, {"gitMajor", major}, {"gitMinor", minor},
			{"gitCommit", ""}, {"gitTreeState", "clean"},
		} {
			flags = append(flags, "-X "+pkg+"."+variable[0]+"="+variable[1])
		}
	}
	return strings.Join(flags, " ")
}

func helmFlags(versions map[string]string) string {
	version := versions["k8s.io/client-go"]
	parts := strings.Split(version, ".")
	minor := ""
	if len(parts) > 1 {
		minor = parts[1]
	}
	return strings.Join([]string{
		"-X helm.sh/helm/v3/internal/version.version=" + versions["helm.sh/helm/v3"],
		"-X helm.sh/helm/v3/internal/version.gitTreeState=clean",
		"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
		"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=" + minor,
		"-X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
		"-X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=" + minor,
	}, " ")
}

// A Builder builds programs and tells how far it is.
type Builder struct {
	Source string    // the module's directory; found if empty
	Out    io.Writer // for people
}

// Find returns the programs of a cluster: those installed, else the one that holds them all, which
// it builds if it is not there.
func (b Builder) Find(ctx context.Context) (Set, error) {
	set, missing := Installed()
	if missing == "" {
		return set, nil
	}
	target := Targets()[0]
	path, err := beside(target.Name)
	if path != "" || err != nil {
		return oneFor(path), err
	}
	source, err := Source(b.Source)
	if err != nil {
		return nil, fmt.Errorf("%s is not installed, and nothing to build it from: %w", missing, err)
	}
	path = filepath.Join(OutputDir(source), target.Name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return oneFor(path), err
	}
	return oneFor(path), b.Build(ctx, target)
}

// Build makes the program, or sees that it is there and of today's source. It appears whole or not
// at all, and of two builds of the same program the second waits for the first and finds its work
// done.
func (b Builder) Build(ctx context.Context, target Target) error {
	source, err := Source(b.Source)
	if err != nil {
		return err
	}
	dir := OutputDir(source)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := process.Lock(filepath.Join(dir, "."+target.Name+".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	output, fresh := filepath.Join(dir, target.Name), filepath.Join(dir, "."+target.Name+".new")
	os.Remove(fresh)
	defer os.Remove(fresh)
	// go build looks at what is at its output: if that is what it would make, it links nothing.
	if err := os.Link(output, fresh); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(b.Out, "building %s (%s): %s the first time on two cores, cached afterwards\n",
			output, target.What, target.Time)
	}
	versions, err := moduleVersions(ctx, source)
	if err != nil {
		return err
	}
	build := goCommand(ctx, source, "build", "-v", "-o", fresh,
		"-ldflags", target.flags(versions), target.pkg)
	if err := follow(build, b.Out); err != nil {
		return fmt.Errorf("building %s: %w", target.Name, err)
	}
	return os.Rename(fresh, output)
}

// moduleVersions returns the versions that go.mod says, by module.
func moduleVersions(ctx context.Context, source string) (map[string]string, error) {
	list := goCommand(ctx, source, "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"k8s.io/kubernetes", "k8s.io/client-go", "helm.sh/helm/v3")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("reading the versions in %s: %w", filepath.Join(source, "go.mod"), err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[path] = version
		}
	}
	return versions, nil
}

func goCommand(ctx context.Context, source string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = source
	command.Env = append(os.Environ(), "GOWORK=off")
	// An interrupted go command removes its temporary files; a killed one leaves them.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	return command
}
