// Package binaries finds the programs of a cluster, and builds them where there are none.
//
// What is installed is used before anything is built: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and kwok, each by its usual name, in the directory
// KUBEBUILDER_ASSETS and then on the PATH. They are taken only if all five are there, since servers
// of different versions do not fit together. Else the one program is used that holds all five
// (../../kubernetes), which Build makes.
package binaries

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Module is the path of the Go module that the programs are built from.
const Module = "github.com/workspace-providers/reconcile/examples/localkube"

// Names returns what the programs of a cluster are called.
func Names() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
}

// A Set says how each of the programs is called.
type Set map[string][]string

// String says where the programs are.
func (s Set) String() string {
	if command := s["etcd"]; len(command) == 2 {
		return command[0]
	}
	var paths []string
	for _, name := range Names() {
		paths = append(paths, s[name]...)
	}
	return strings.Join(paths, ", ")
}

// Installed returns the programs that are installed on this machine, or the name of the first one
// missing.
func Installed() (set Set, missing string) {
	set = Set{}
	for _, name := range Names() {
		path := lookup(os.Getenv("KUBEBUILDER_ASSETS"), name)
		if path == "" {
			return nil, name
		}
		set[name] = []string{path}
	}
	return set, ""
}

// lookup returns where a program is: in the directory first, if one is given, then on the PATH.
func lookup(dir, name string) string {
	candidates := []string{name}
	if dir != "" {
		candidates = []string{filepath.Join(dir, name), name}
	}
	for _, candidate := range candidates {
		if path, err := exec.LookPath(candidate); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// oneFor returns the set in which one program is all of them.
func oneFor(path string) Set {
	set := Set{}
	for _, name := range Names() {
		set[name] = []string{path, name}
	}
	return set
}

// Source returns the directory of the Go module to build from: the one given, else the one found
// from where this program lies, else from where it was started.
func Source(given string) (string, error) {
	if given != "" {
		if !isModule(given) {
			return "", fmt.Errorf("--source %s: holds no go.mod of the module %s", given, Module)
		}
		return filepath.Abs(given)
	}
	var starts []string
	if executable, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(executable))
	}
	if here, err := os.Getwd(); err == nil {
		starts = append(starts, here)
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			for _, candidate := range []string{dir, filepath.Join(dir, "examples", "localkube")} {
				if isModule(candidate) {
					return candidate, nil
				}
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("the source of %s is neither above %s: name it with --source",
		Module, strings.Join(starts, " nor above "))
}

func isModule(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(mod), "module "+Module+"\n")
}

// OutputDir returns where programs built from the source go: the repository's bin.
func OutputDir(source string) string { return filepath.Join(source, "..", "..", "bin") }

// beside returns the file of that name beside this program, or "" if there is none.
func beside(name string) (string, error) {
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(executable), name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, nil
}
