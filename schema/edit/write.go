package edit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write writes changes to the directory that the declarations were read from. Each file is replaced as a whole, by
// one with the same rights, so that nobody reads half of it; a link stays one. Where a file is another than it was
// when it was read, nothing is written.
func Write(dir string, changes []Change) (err error) {
	var temporary, names []string // the files that take the place of others, and those others
	defer func() {
		for _, left := range temporary {
			err = errors.Join(err, os.Remove(left))
		}
	}()
	for _, c := range changes {
		name, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(c.Name)))
		if err != nil {
			return err
		}
		staged, err := stage(name, c)
		if err != nil {
			return err
		}
		temporary, names = append(temporary, staged), append(names, name)
	}
	for len(temporary) > 0 {
		if err := os.Rename(temporary[0], names[0]); err != nil {
			return err
		}
		temporary, names = temporary[1:], names[1:]
	}
	return nil
}

// stage writes a file beside the one whose place it takes, under a name that counts for no declaration.
func stage(name string, c Change) (temporary string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if text, err := os.ReadFile(name); err != nil || !bytes.Equal(text, c.Before) {
		return "", errors.Join(err, fmt.Errorf("%s was changed meanwhile: nothing is written; try again", c.Name))
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".reconcile-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(c.After)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
