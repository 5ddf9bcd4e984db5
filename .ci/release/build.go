package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// identify asks git what is released.
func (r *release) identify() error {
	// What is not tagged is named by its commit.
	version, err := r.git("describe", "--tags", "--match", "v[0-9]*", "--always", "--dirty")
	if err != nil {
		return err
	}
	r.version = strings.ReplaceAll(version, "/", "-")
	if r.commit, err = r.git("rev-parse", "HEAD"); err != nil {
		return err
	}
	at, err := r.git("log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return err
	}
	r.at = time.Unix(seconds, 0).UTC()
	return nil
}

func (r *release) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", r.root, "-c", "safe.directory=" + r.root}, args...)...) // whoever's it is
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// tags are those that make build builds with.
const tags = "kustomize_disable_go_plugin_support"

// build compiles the program for a platform. Nothing of this machine goes into it: no path, no C library, nothing that
// the environment sets.
func (r release) build(p platform, to string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", tags,
		"-ldflags", fmt.Sprintf("-s -w -buildid= -X main.version=%s -X main.commit=%s", r.version, r.commit), "-o", to, r.pkg)
	cmd.Dir = r.root
	cmd.Env = append(plain(os.Environ()), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building for %s: %w", p, err)
	}
	return nil
}

// plain is an environment without what changes what the go command makes.
func plain(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		switch key {
		case "GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOFIPS140", "GOAMD64", "GOARM64", "GODEBUG", "GOWORK", "CGO_ENABLED":
			return true
		}
		return false
	})
}

// pack writes the archive of a platform: the program and its licence.
func (r release) pack(p platform, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return err
	}
	archive, err := packed(r.at, entry{name: name, mode: 0o755, content: binary}, entry{name: "LICENSE", mode: 0o644, content: licence})
	if err != nil {
		return err
	}
	small, err := compressed(archive)
	if err != nil {
		return err
	}
	return os.WriteFile(r.file(p, ".tar.gz"), small, 0o644)
}
