// Release builds what is handed to others: the program for each platform, an image of it, a list of what is in it, and
// the checksums of all that. The same commit gives the same bytes, whoever builds it with the same version of Go.
//
//	go run .                               # a release of the commit that is checked out, into bin/release
//	go run . -platforms linux/amd64 -o DIR # of one platform, elsewhere
//
// The version is the tag at the commit, or else how far the commit is from the newest one, as git describe says it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is one version of the program, and where it is built.
type release struct {
	root      string // of the repository
	out       string // where everything goes
	pkg       string // the program's package, below root
	version   string
	commit    string
	at        time.Time // of the commit; the only time in what is built
	platforms []platform
}

// platform is an operating system and an architecture, as Go names them.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// name is that of the program; files of a release begin with it.
const name = "reconcile"

// everywhere are the platforms of a release.
const everywhere = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64"

func run(args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	root := flags.String("root", "../..", "the repository")
	out := flags.String("o", "", "the `directory` to write to; default: bin/release of the repository")
	platforms := flags.String("platforms", everywhere, "which to build for; those of linux are in the image")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := release{root: *root, pkg: "./cmd/reconcile"}
	var err error
	if r.root, err = filepath.Abs(*root); err != nil {
		return err
	}
	if *out == "" {
		*out = filepath.Join(r.root, "bin", "release")
	}
	if r.out, err = filepath.Abs(*out); err != nil {
		return err
	}
	if r.platforms, err = parsePlatforms(*platforms); err != nil {
		return err
	}
	if err := r.identify(); err != nil {
		return err
	}
	return r.make()
}

func parsePlatforms(text string) (out []platform, err error) {
	for one := range strings.SplitSeq(text, ",") {
		if !slices.Contains(strings.Split(everywhere, ","), one) {
			return nil, fmt.Errorf("platform %q: must be of %s", one, everywhere)
		}
		system, arch, _ := strings.Cut(one, "/")
		out = append(out, platform{system, arch})
	}
	return out, nil
}

// make builds everything anew.
func (r release) make() error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	programs := map[platform]string{}
	for _, p := range r.platforms {
		fmt.Println("building", r.file(p, ""))
		programs[p] = filepath.Join(scratch, p.os+"-"+p.arch)
		if err := r.build(p, programs[p]); err != nil {
			return err
		}
		if err := r.pack(p, programs[p]); err != nil {
			return err
		}
		if err := r.list(p, programs[p]); err != nil {
			return err
		}
	}
	if err := r.image(programs); err != nil {
		return err
	}
	return writeSums(r.out)
}

// file is the path of what is made for a platform.
func (r release) file(p platform, suffix string) string {
	return filepath.Join(r.out, fmt.Sprintf("%s-%s-%s-%s%s", name, r.version, p.os, p.arch, suffix))
}
