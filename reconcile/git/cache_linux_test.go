package git

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
)

func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	cache := t.TempDir()
	if err := syscall.Mount("tmpfs", cache, "tmpfs", 0, "size=1500k"); err != nil {
		t.Skip("tmpfs cannot be mounted here: ", err)
	}
	defer syscall.Unmount(cache, syscall.MNT_DETACH)
	o := filled(t)
	r := &Repo{URL: o.daemon(), Ref: "main", Cache: cache}
	defer r.Close()
	small := fetch(t, r)
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	o.write("noise", string(noise))
	o.commit("large")
	o.push()
	for range 3 {
		_, err := r.Fetch(context.Background())
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("got %v, want no space", err)
		}
		wrong(t, err, "make room")
		readAll(t, r, small.Hash)
	}
	if left := find(t, cache, "tmp_"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := syscall.Mount("tmpfs", cache, "tmpfs", syscall.MS_REMOUNT, "size=30m"); err != nil {
		t.Fatal(err)
	}
	same(t, "commit when there is room", fetch(t, r).Hash, o.head())
}
