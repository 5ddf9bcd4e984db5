package schema

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// What a repository may hold at most. More is a mistake, or an attack.
const (
	maxFile    = 256 << 10
	maxTotal   = 4 << 20
	maxFiles   = 2000
	maxEntries = 20000
)

// sourceFile is one file of declarations, read whole.
type sourceFile struct {
	name       string // relative to the declarations' directory, with slashes
	collection string // whose entries a data file holds; empty for a CUE file
	text       []byte
}

// collections are the folders that data files may stand in, and the collections they join.
var collections = [...]string{"allowlists", "clusters", "organizations", "providers", "removed"}

// read returns the files of tree that count, sorted by name. Other files are nobody's business.
func read(tree fs.FS) ([]sourceFile, Errors) {
	files, errs := list(tree)
	if len(files) > maxFiles {
		return nil, append(errs, Error{Message: fmt.Sprintf(
			"found %d files, at most %d are read: join some of them", len(files), maxFiles)})
	}
	total := 0
	kept := files[:0]
	for _, f := range files {
		text, err := readFile(tree, f.name)
		if err != nil {
			errs = append(errs, fileError(f.name, err.Error()))
			continue
		}
		f.text = text
		total += len(text)
		kept = append(kept, f)
	}
	if total > maxTotal {
		return nil, append(errs, Error{Message: fmt.Sprintf(
			"the files hold %d bytes, at most %d are read: move data that is not a declaration elsewhere", total, maxTotal)})
	}
	return kept, errs
}

// list names the files that count, sorted.
func list(tree fs.FS) ([]sourceFile, Errors) {
	var files []sourceFile
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, Errors{{Message: fmt.Sprintf("read directory: %v", plain(err))}}
	}
	for _, e := range entries {
		if cueFile(e.Name()) && !e.IsDir() {
			files = append(files, sourceFile{name: e.Name()})
		}
	}
	var errs Errors
	for _, c := range collections {
		entries, err := fs.ReadDir(tree, c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fileError(c, fmt.Sprintf("read directory: %v", plain(err))))
		}
		for _, e := range entries {
			if dataFile(e.Name()) && !e.IsDir() {
				files = append(files, sourceFile{name: path.Join(c, e.Name()), collection: c})
			}
		}
	}
	slices.SortFunc(files, func(a, b sourceFile) int { return strings.Compare(a.name, b.name) })
	return files, errs
}

// cueFile tells whether CUE counts a file of that name to a package.
func cueFile(name string) bool {
	return strings.HasSuffix(name, ".cue") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") &&
		!strings.HasSuffix(name, "_tool.cue") && !strings.HasSuffix(name, "_test.cue")
}

// dataFile tells whether a file of that name is a data file.
func dataFile(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return !strings.HasPrefix(name, ".")
	}
	return false
}

// readFile reads a regular file that is not too large.
func readFile(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", plain(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", plain(err))
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("found something that is not a regular file: put the declarations themselves here")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", plain(err))
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("found more than %d bytes, the most that one file may hold: split it", maxFile)
	}
	return text, nil
}

// plain takes the path out of a file system's error: it may be one of this machine.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// fileError is a mistake of a whole file.
func fileError(name, message string) Error {
	return Error{Position: Position{File: name, Line: 1, Col: 1}, Message: message}
}
