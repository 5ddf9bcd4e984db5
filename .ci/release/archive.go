package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sums is the file that has the checksums of all others.
const sums = "SHA256SUMS"

// entry is a file of an archive, or a directory where its name ends in a slash.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// packed packs entries in the order given, which are root's and all of one time.
func packed(at time.Time, entries ...entry) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// compressed is content as gzip makes it smallest, without a name or a time.
func compressed(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// directory is what a directory holds, in the order of its names.
func directory(dir string) (out []entry, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			out = append(out, entry{name: rel + "/", mode: 0o755})
			return nil
		}
		content, err := os.ReadFile(path)
		out = append(out, entry{name: rel, mode: 0o644, content: content})
		return err
	})
	return out, err
}

// writeSums writes the checksum of each file of a directory, as sha256sum --check reads them.
func writeSums(dir string) error {
	files, err := directory(dir)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, f := range files {
		sum := sha256.Sum256(f.content)
		fmt.Fprintf(&out, "%s  %s\n", hex.EncodeToString(sum[:]), f.name)
	}
	return os.WriteFile(filepath.Join(dir, sums), []byte(out.String()), 0o644)
}
