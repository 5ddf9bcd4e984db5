package edit

import (
	"bytes"
	"io/fs"
)

// Tree is the declarations as they are after the changes.
func (f *Files) Tree(changes []Change) fs.FS {
	after := map[string][]byte{}
	for _, c := range changes {
		after[c.Name] = c.After
	}
	return overlay{FS: f.tree, after: after}
}

// overlay is a tree in which some files hold something else.
type overlay struct {
	fs.FS
	after map[string][]byte
}

func (o overlay) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	text, changed := o.after[name]
	if err != nil || !changed {
		return f, err
	}
	return &opened{File: f, text: bytes.NewReader(text)}, nil
}

// opened is a file that holds something else.
type opened struct {
	fs.File
	text *bytes.Reader
}

func (o *opened) Read(p []byte) (int, error) { return o.text.Read(p) }
