package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// fetchForEver is the child of TestKilledFetches; it is killed.
func fetchForEver(url, cache string) {
	for {
		r := &Repo{URL: url, Ref: "main", Cache: cache}
		if _, err := r.Fetch(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = r.Close()
	}
}

func TestKilledFetchesLeaveNothingThatTheNextDoesNotMend(t *testing.T) {
	o := filled(t)
	for i := range 40 {
		o.write(fmt.Sprintf("file%d.cue", i), strings.Repeat(fmt.Sprintf("a%d: %d\n", i, i), 500))
	}
	o.commit("many")
	o.push()
	url, cache := o.daemon(), t.TempDir()
	kills := 60
	if testing.Short() {
		kills = 10
	}
	for i := range kills {
		if i%3 == 0 {
			o.write("moving.cue", fmt.Sprintf("n: %d\n", i))
			o.commit("moving")
			o.push()
		}
		if i%10 == 0 { // begin with the clone again
			_ = os.RemoveAll(cache)
		}
		cmd := exec.Command(os.Args[0], "fetch-for-ever", url, cache)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // anywhere in a fetch is the point
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if said.Len() > 0 {
			t.Errorf("kill %d: %s", i, said.String())
		}
	}
	start := time.Now()
	r := &Repo{URL: url, Ref: "main", Cache: cache}
	defer r.Close()
	c := fetch(t, r)
	same(t, "commit", c.Hash, o.head())
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the fetch afterwards took %v", took)
	}
	readAll(t, r, c.Hash)
	if left := find(t, cache, "tmp_"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	same(t, "slots", len(find(t, cache, "lock")), 1)
}

func readAll(t testing.TB, r *Repo, commit string) {
	t.Helper()
	tree, err := r.Tree(commit, Charts())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hash(tree); err != nil {
		t.Fatal(err)
	}
}

// find lists files below a directory by the beginning of their names.
func find(t testing.TB, dir, prefix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), prefix) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDamagedCacheIsReplaced(t *testing.T) {
	flip := func(data []byte) []byte { data[len(data)/2] ^= 0xff; return data }
	shorten := func(data []byte) []byte { return data[:len(data)/3] }
	nothing := func([]byte) []byte { return nil }
	for name, damage := range map[string]struct {
		file string // prefix
		how  func([]byte) []byte
	}{
		"pack flipped": {"pack-", flip}, "pack shortened": {"pack-", shorten}, "pack emptied": {"pack-", nothing},
		"ref emptied": {"", nothing}, "everything flipped": {"", flip},
	} {
		for _, restart := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s restart=%v", name, restart), func(t *testing.T) {
				o := filled(t)
				r := o.web().repo(o, "main")
				c := fetch(t, r)
				if restart {
					_ = r.Close()
				}
				for _, path := range find(t, r.Cache, damage.file) {
					data, err := os.ReadFile(path)
					if err != nil || len(data) == 0 {
						continue // the lock
					}
					_ = os.Chmod(path, 0o600)
					if err := os.WriteFile(path, damage.how(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				// Whatever is found damaged while reading is mended by the fetch after it.
				var err error
				for range 3 {
					if c, err = r.Fetch(context.Background()); err != nil {
						continue
					}
					var tree fs.FS
					if tree, err = r.Tree(c.Hash, Charts()); err != nil {
						continue
					}
					if _, err = Hash(tree); err == nil {
						break
					}
				}
				if err != nil {
					t.Errorf("not mended: %v", err)
				}
				same(t, "commit", c.Hash, o.head())
			})
		}
	}
}

func TestWornCacheIsReplacedWhileTheOldStaysReadable(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	first := fetch(t, r)
	tree, err := r.Tree(first.Hash, Charts())
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxPacks + 2 {
		o.write("n.cue", fmt.Sprintf("n: %d\n", i))
		o.commit("more")
		stock(t, o.work, "push", "-q", "origin", "HEAD:main")
		fetch(t, r)
	}
	if packs := find(t, r.Cache, "pack-"); len(packs) > 10 {
		t.Errorf("%d files of packs after more than %d fetches", len(packs), maxPacks)
	}
	if _, err := fs.ReadFile(tree, "providers.cue"); err != nil {
		t.Errorf("a tree from before: %v", err)
	}
}

func TestFailedReplacementKeepsWhatIsThere(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	c := fetch(t, r)
	web.Close()
	for range 3 {
		r.worn = true
		if _, err := r.Fetch(context.Background()); err == nil {
			t.Fatal("the server is gone and the fetch succeeded")
		}
		readAll(t, r, c.Hash)
	}
	_ = r.Close() // and so after a restart
	r.worn = false
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	readAll(t, r, c.Hash)
}

func TestProcessesDoNotShareACache(t *testing.T) {
	o := filled(t)
	url, cache := o.daemon(), t.TempDir()
	var repos []*Repo
	for range 3 {
		r := &Repo{URL: url, Ref: "main", Cache: cache}
		fetch(t, r)
		repos = append(repos, r)
	}
	same(t, "slots", len(find(t, cache, "lock")), 3)
	for _, r := range repos {
		_ = r.Close()
	}
	again := &Repo{URL: url, Ref: "main", Cache: cache}
	fetch(t, again)
	same(t, "slots after they ended", len(find(t, cache, "lock")), 3)
	_ = again.Close()
}

func TestBombsAreRefusedBeforeTheyAreUnpacked(t *testing.T) {
	zeros := strings.Repeat("\x00", 100<<20)
	for name, plant := range map[string]func(o *origin){
		"a large blob": func(o *origin) { o.plant("100644 zeros\x00" + o.object("blob", zeros)) },
		"a large commit": func(o *origin) {
			raw := "tree " + stock(t, o.bare, "rev-parse", "main^{tree}") +
				"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n" + zeros[:70<<20]
			stock(t, o.bare, "update-ref", "refs/heads/main", o.object("commit", raw))
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := filled(t)
			plant(o)
			r := &Repo{URL: o.daemon(), Ref: "main", Cache: t.TempDir()}
			defer r.Close()
			before := allocated()
			_, err := r.Fetch(context.Background())
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v, want %v", err, ErrTooLarge)
			}
			if grown := allocated() - before; grown > 50<<20 {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
		})
	}
}

func TestPackBeyondTheLimitIsRefused(t *testing.T) {
	o := filled(t)
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	o.write("noise", string(noise))
	o.commit("noise")
	o.push()
	for _, url := range []string{o.daemon(), o.web().URL + "/origin.git"} {
		r := &Repo{URL: url, Ref: "main", MaxPack: 512 << 10, Auth: t.TempDir()}
		_, err := r.Fetch(context.Background())
		if !errors.Is(err, ErrTooLarge) && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v, want %v", err, ErrTooLarge)
		}
		_ = r.Close()
	}
}

// allocated is how many bytes the program has asked for so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
