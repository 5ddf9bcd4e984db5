package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// The image holds a program that runs, as nobody, and which authorities it trusts; and nothing else.
func TestTheImage(t *testing.T) {
	dir := repository(t)
	commit := git(t, dir, "rev-parse", "HEAD")
	out := built(t, "-root", dir, "-platforms", "linux/"+runtime.GOARCH)
	img := imageIn(t, filepath.Join(out, name+"-"+commit[:7]+imageSuffix))
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || fmt.Sprint(c.Entrypoint) != "[/reconcile]" || c.Labels["org.opencontainers.image.revision"] != commit {
		t.Errorf("its configuration: %+v", c)
	}
	files := filesIn(t, img)
	if len(files) != 4 || len(files["etc/passwd"]) == 0 || len(files["etc/group"]) == 0 {
		t.Errorf("it holds %d files", len(files))
	}
	if got := runs(t, files[name]); got != commit[:7]+" "+commit {
		t.Errorf("the program in it says %q", got)
	}
	count := 0
	for rest := files["etc/ssl/certs/ca-certificates.crt"]; ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
	}
	if count < 50 {
		t.Errorf("it trusts %d authorities", count)
	}
}

// imageIn is the only image of an OCI layout in a tar file.
func imageIn(t *testing.T, file string) v1.Image {
	t.Helper()
	dir := t.TempDir()
	for name, content := range untar(t, bytes.NewReader(read(t, file))) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	img, err := only(index)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// only is the only image below an index.
func only(index v1.ImageIndex) (v1.Image, error) {
	for {
		manifest, err := index.IndexManifest()
		if err != nil {
			return nil, err
		}
		if len(manifest.Manifests) != 1 {
			return nil, fmt.Errorf("%d manifests, want 1", len(manifest.Manifests))
		}
		next := manifest.Manifests[0]
		if !next.MediaType.IsIndex() {
			return index.Image(next.Digest)
		}
		if index, err = index.ImageIndex(next.Digest); err != nil {
			return nil, err
		}
	}
}

// filesIn are the files of an image's layers.
func filesIn(t *testing.T, img v1.Image) map[string][]byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range untar(t, content) {
			out[name] = text
		}
		content.Close()
	}
	return out
}

func untar(t *testing.T, from io.Reader) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if out[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// runs is what a program prints.
func runs(t *testing.T, program []byte, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// The Containerfile is for those who build images themselves: it builds the same program with the same flags, for the
// same user.
func TestTheContainerfileDoesTheSame(t *testing.T) {
	text := string(read(t, "Containerfile"))
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "-tags " + tags, "USER " + nobody, `ENTRYPOINT ["/` + name + `"]`, "FROM scratch", "-X main.version="} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
}
