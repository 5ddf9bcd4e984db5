package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever was read of a repository whose objects are in no pack, none of its files stays open.
func TestReadingLooseObjectsLeavesNoFileOpen(t *testing.T) {
	o := filled(t)
	r := &Repo{URL: o.bare, Ref: "main"}
	defer r.Close()
	if loose, err := filepath.Glob(filepath.Join(o.bare, "objects", "??", "*")); err != nil || len(loose) == 0 {
		t.Fatalf("%v, %d objects are in no pack", err, len(loose))
	}
	readAll(t, r, fetch(t, r).Hash)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(to, o.bare) {
			t.Errorf("left open: %s", to)
		}
	}
}
