package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a chart may hold. A release must fit 1 MiB when compressed, so a chart near these bounds could
// not be installed anyway; the largest public charts have some 300 files and 5 MiB. Helm's own bounds
// (100 MiB, 5 MiB a file) count for each archive alone, so that twenty nested ones pass 4 GiB.
const (
	maxArchive  = 20 << 20 // bytes of the archive as it is sent
	maxEntries  = 10_000   // of all archives together, directories too
	maxInflated = 20 << 20 // bytes in files, nested archives and what is in them included
	maxStream   = 32 << 20 // bytes of tar, headers included
	maxFile     = 5 << 20  // bytes of one file; Helm's bound
	maxMetadata = 256 << 10
	maxDepth    = 5 // charts within charts
)

// Info is what an archive says of the chart in it.
type Info struct {
	Name        string
	Version     string
	KubeVersion string // semver constraint; empty: any
	Files       int
	Size        int64 // bytes in files, once unpacked
}

// Scan looks through an archive without keeping it: it refuses what is too large, has links, devices or
// names that lead elsewhere, and charts that Helm would install only in part since a dependency is
// missing. Nothing is written anywhere. Every error is for good.
func Scan(archive []byte) (Info, error) {
	s := scanner{charts: map[string]*node{}, stream: maxStream}
	err := s.archive("", archive, 0)
	root := s.charts[""]
	switch {
	case err != nil:
		return Info{}, fmt.Errorf("chart archive: %w", err)
	case root == nil || root.meta.Name == "":
		return Info{}, errors.New("chart archive: it has no Chart.yaml with a name; it is not a Helm chart")
	case root.meta.Type == "library":
		return Info{}, fmt.Errorf("chart %s is a library, which cannot be installed; use a chart that includes it",
			root.meta.Name)
	}
	info := Info{root.meta.Name, root.meta.Version, root.meta.KubeVersion, s.entries, s.size}
	return info, checkDependencies(s.charts)
}

// scanner walks an archive and those nested in it. Its counters are for all of them together.
type scanner struct {
	charts  map[string]*node // by path within the chart: "", "charts/common"
	entries int
	size    int64
	stream  int64 // bytes of tar that may still come
}

// Read limits what the gzip readers may give.
type limited struct {
	r    io.Reader
	left *int64
}

func (l limited) Read(p []byte) (int, error) {
	if *l.left <= 0 {
		return 0, fmt.Errorf("it unpacks to more than %d MiB", maxStream>>20)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), *l.left)])
	*l.left -= int64(n)
	return n, err
}

// archive scans one archive, whose chart is at the path at.
func (s *scanner) archive(at string, b []byte, depth int) error {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("it is not a gzipped tar file: %w", err)
	}
	seen := map[string]bool{}
	r := tar.NewReader(limited{z, &s.stream})
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading its entries: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		name, err := s.entry(h)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if seen[name] {
			return fmt.Errorf("%q is in it twice", h.Name)
		}
		seen[name] = true
		if err := s.file(at, name, r, depth); err != nil {
			return err
		}
	}
}

// entry checks one header and returns the name below the archive's top directory.
func (s *scanner) entry(h *tar.Header) (string, error) {
	s.entries++
	s.size += h.Size
	name := strings.TrimSuffix(h.Name, "/")
	_, below, nested := strings.Cut(name, "/")
	switch {
	case s.entries > maxEntries:
		return "", fmt.Errorf("it has more than %d entries", maxEntries)
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return "", fmt.Errorf("%q is a link or a device; a chart has files only", h.Name)
	case h.Size > maxFile:
		return "", fmt.Errorf("%q is larger than %d MiB", h.Name, maxFile>>20)
	case s.size > maxInflated:
		return "", fmt.Errorf("its files are larger than %d MiB together", maxInflated>>20)
	case !plainName(name):
		return "", fmt.Errorf("%q is no plain relative file name", h.Name)
	case !nested && h.Typeflag != tar.TypeDir:
		return "", fmt.Errorf("%q is not below the chart's directory", h.Name)
	}
	return below, nil
}

func plainName(name string) bool {
	odd := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	return utf8.ValidString(name) && fs.ValidPath(name) && !strings.ContainsFunc(name, odd)
}

// file looks at one file of the chart at the path at: a nested archive is scanned, and what says which
// charts there are is kept.
func (s *scanner) file(at, name string, r io.Reader, depth int) error {
	for {
		rest, ok := strings.CutPrefix(name, "charts/")
		if !ok {
			break
		}
		dir, below, isDir := strings.Cut(rest, "/")
		if strings.HasPrefix(dir, "_") || strings.HasPrefix(dir, ".") || (!isDir && path.Ext(dir) != ".tgz") {
			return discard(r) // Helm overlooks it too
		}
		at, name, depth = path.Join(at, "charts", dir), below, depth+1
		if depth > maxDepth {
			return fmt.Errorf("%s: charts are nested deeper than %d", at, maxDepth)
		}
		if !isDir {
			return s.nested(at, r, depth)
		}
	}
	switch name {
	case "Chart.yaml", "requirements.yaml", "Chart.lock", "requirements.lock":
		return s.metadata(at, name, r)
	}
	return discard(r)
}

// metadata keeps what says which charts a chart needs.
func (s *scanner) metadata(at, name string, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return err
	}
	if len(b) > maxMetadata {
		return fmt.Errorf("%s is larger than %d KiB", path.Join(at, name), maxMetadata>>10)
	}
	if s.charts[at] == nil {
		s.charts[at] = &node{}
	}
	if err := s.charts[at].read(name, b); err != nil {
		return fmt.Errorf("%s: %w", path.Join(at, name), err)
	}
	return nil
}

func (s *scanner) nested(at string, r io.Reader, depth int) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.archive(at, b, depth); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
