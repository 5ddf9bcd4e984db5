package charts

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/ignore"
)

// pack makes the archive of the chart in a directory of tree. The same files give the same bytes,
// whatever their times, modes and order. They are stored and not compressed, so that a newer
// compressor does not give every release a new digest, and a fast one is not needed.
func pack(tree fs.FS, dir string) ([]byte, error) {
	dir = path.Clean(dir)
	if err := noLinks(tree, dir); err != nil {
		return nil, err
	}
	sub, err := fs.Sub(tree, dir)
	if err != nil {
		return nil, err
	}
	meta, err := readMetadata(sub)
	if err != nil {
		return nil, err
	}
	rules, err := ignoreRules(sub)
	if err != nil {
		return nil, err
	}
	p := packer{tree: sub, rules: rules}
	if err := fs.WalkDir(sub, ".", p.add); err != nil {
		return nil, err
	}
	return p.pack(meta.Name)
}

// stored writes a gzip file (RFC 1952) of stored blocks (RFC 1951, 3.2.4).
func stored(b []byte) []byte {
	const maxBlock = 1<<16 - 1
	crc, size := crc32.ChecksumIEEE(b), uint32(len(b))
	out := make([]byte, 0, len(b)+len(b)/maxBlock*5+32)
	out = append(out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255) // deflate, no name, no time, no system
	for last := byte(0); last == 0; {
		n := min(len(b), maxBlock)
		if n == len(b) {
			last = 1
		}
		out = append(out, last)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	out = binary.LittleEndian.AppendUint32(out, crc)
	return binary.LittleEndian.AppendUint32(out, size)
}

// noLinks refuses a path of which any part is a symbolic link, which may lead out of the tree.
func noLinks(tree fs.FS, dir string) error {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		info, err := fs.Lstat(tree, at)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory; name the directory that holds Chart.yaml", at)
		}
	}
	return nil
}

func readMetadata(chart fs.FS) (metadata, error) {
	var n node
	b, err := readFile(chart, "Chart.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return n.meta, errors.New("there is no Chart.yaml; name the directory that holds it")
	}
	if err != nil {
		return n.meta, err
	}
	if err := n.readChart(b); err != nil {
		return n.meta, fmt.Errorf("reading Chart.yaml: %w", err)
	}
	return n.meta, nil
}

// readFile reads a small file that is no link.
func readFile(tree fs.FS, name string) ([]byte, error) {
	info, err := fs.Lstat(tree, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is a link or a device; a chart has files only", name)
	case info.Size() > maxMetadata:
		return nil, fmt.Errorf("%s is larger than %d KiB", name, maxMetadata>>10)
	}
	return fs.ReadFile(tree, name)
}

func ignoreRules(chart fs.FS) (*ignore.Rules, error) {
	rules := ignore.Empty()
	b, err := readFile(chart, ignore.HelmIgnore)
	if err == nil {
		rules, err = ignore.Parse(bytes.NewReader(b))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", ignore.HelmIgnore, err)
	}
	rules.AddDefaults()
	return rules, nil
}

// packer gathers the files of one chart.
type packer struct {
	tree  fs.FS
	rules *ignore.Rules
	files []string
	size  int64
}

// add is called for each entry of the chart.
func (p *packer) add(name string, d fs.DirEntry, err error) error {
	if err != nil || name == "." {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if p.rules.Ignore(name, info) {
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if d.IsDir() {
		return nil
	}
	p.files = append(p.files, name)
	p.size += info.Size()
	switch {
	case len(p.files) > maxEntries:
		return fmt.Errorf("the chart has more than %d files", maxEntries)
	case !d.Type().IsRegular():
		return fmt.Errorf("%s is a link or a device; a chart has files only: copy the file, "+
			"or name it in .helmignore", name)
	case info.Size() > maxFile:
		return fmt.Errorf("%s is larger than %d MiB; name it in .helmignore if it is no part of the chart",
			name, maxFile>>20)
	case p.size > maxInflated:
		return fmt.Errorf("the chart is larger than %d MiB", maxInflated>>20)
	}
	return nil
}

// pack writes the files below the directory top.
func (p *packer) pack(top string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	slices.Sort(p.files)
	for _, name := range p.files {
		b, err := fs.ReadFile(p.tree, name)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: top + "/" + name, Mode: 0o644, Size: int64(len(b))}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if _, err := w.Write(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return stored(out.Bytes()), nil
}
