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

// read returns the files of tree that count, sorted by name. Other files are nobody's business;
// but those that look as if they should count are returned as warnings.
func read(tree fs.FS) (files []sourceFile, ignored, errs Errors) {
	files, ignored, errs = list(tree)
	if len(files) > maxFiles {
		return nil, ignored, append(errs, Error{Message: fmt.Sprintf(
			"found %d files, at most %d are read: join some of them", len(files), maxFiles)})
	}
	total := 0
	for i, f := range files {
		text, err := readFile(tree, f.name)
		if err != nil {
			errs = append(errs, fileError(f.name, err.Error()))
		}
		files[i].text = text
		if total += len(text); total > maxTotal {
			return nil, ignored, append(errs, Error{Message: fmt.Sprintf("the files hold more than %d bytes "+
				"in all, the most that is read: move what is no declaration elsewhere", maxTotal)})
		}
	}
	unread := func(f sourceFile) bool { return f.text == nil }
	return slices.DeleteFunc(files, unread), ignored, errs
}

// list names the files that count, sorted.
func list(tree fs.FS) (files []sourceFile, ignored, errs Errors) {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, nil, Errors{{Message: fmt.Sprintf("read directory: %v", plain(err))}}
	}
	for _, e := range entries {
		if CUEFile(e.Name()) && !e.IsDir() {
			files = append(files, sourceFile{name: e.Name()})
		}
	}
	for _, c := range Collections() {
		entries, err := fs.ReadDir(tree, c)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fileError(c, fmt.Sprintf("read directory: %v", plain(err))))
		}
		data, left := listData(c, entries)
		files, ignored = append(files, data...), append(ignored, left...)
	}
	slices.SortFunc(files, func(a, b sourceFile) int { return strings.Compare(a.name, b.name) })
	return files, ignored, errs
}

// listData names the files of a collection's folder that count.
func listData(collection string, entries []fs.DirEntry) (files []sourceFile, ignored Errors) {
	for _, e := range entries {
		name := path.Join(collection, e.Name())
		switch ext := path.Ext(name); {
		case e.IsDir() || strings.HasPrefix(e.Name(), "."):
		case DataFile(name):
			files = append(files, sourceFile{name: name, collection: collection})
		case ext == ".yml" || ext == ".cue":
			ignored = append(ignored, fileError(name,
				"is not read: here declarations are .yaml and .json, and CUE stands one directory up"))
		}
	}
	return files, ignored
}

// Collections are the collections that have a folder of data files, sorted.
func Collections() []string {
	return []string{"allowlists", "clusters", "organizations", "providers", "removed"}
}

// DataFile tells whether a file of that name in the folder of a collection counts.
func DataFile(name string) bool {
	ext := path.Ext(name)
	return !strings.HasPrefix(path.Base(name), ".") && (ext == ".yaml" || ext == ".json")
}

// CUEFile tells whether CUE counts a file of that name to a package.
func CUEFile(name string) bool {
	return strings.HasSuffix(name, ".cue") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") &&
		!strings.HasSuffix(name, "_tool.cue") && !strings.HasSuffix(name, "_test.cue")
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
