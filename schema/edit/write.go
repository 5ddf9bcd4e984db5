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
	var steps []step
	defer func() {
		for _, s := range steps {
			if s.staged != "" {
				err = errors.Join(err, os.Remove(s.staged))
			}
		}
	}()
	for _, c := range changes {
		s, err := stage(filepath.Join(dir, filepath.FromSlash(c.Name)), c)
		if err != nil {
			return err
		}
		steps = append(steps, s)
	}
	for len(steps) > 0 {
		if err := steps[0].take(); err != nil {
			return err
		}
		steps = steps[1:]
	}
	return nil
}

// step is one file that is put where it belongs, or taken away.
type step struct {
	name   string
	staged string // a file that takes its place; empty: it goes
}

func (s step) take() error {
	if s.staged == "" {
		return os.Remove(s.name)
	}
	return os.Rename(s.staged, s.name)
}

// stage writes a file beside the one whose place it takes, under a name that counts for no declaration.
func stage(name string, c Change) (step, error) {
	mode := os.FileMode(0o644)
	if c.Before == nil {
		if _, err := os.Lstat(name); err == nil {
			return step{}, meanwhile(c)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return step{}, err
		}
	} else {
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return step{}, err
		}
		info, err := os.Stat(real)
		if err != nil {
			return step{}, err
		}
		if text, err := os.ReadFile(real); err != nil || !bytes.Equal(text, c.Before) {
			return step{}, errors.Join(err, meanwhile(c))
		}
		if c.After == nil {
			return step{name: name}, nil
		}
		name, mode = real, info.Mode().Perm()
	}
	staged, err := write(filepath.Dir(name), c.After, mode)
	return step{name, staged}, err
}

// meanwhile says that somebody else is at it.
func meanwhile(c Change) error {
	return fmt.Errorf("%s was changed meanwhile: nothing is written; try again", c.Name)
}

// write writes a temporary file.
func write(dir string, text []byte, mode os.FileMode) (name string, err error) {
	f, err := os.CreateTemp(dir, ".reconcile-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
