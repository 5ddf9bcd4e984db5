package worker

import (
	"runtime"
	"testing"
	"testing/fstest"
)

func TestMemoryOfTheContainer(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups": {nil, 0},
		"container":         {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"no limit":          {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"host": {map[string]string{"proc/self/cgroup": "0::/system.slice/reconcile.service\n",
			"sys/fs/cgroup/system.slice/memory.max": "1073741824\n", "sys/fs/cgroup/system.slice/reconcile.service/memory.max": "max\n"}, 1 << 30},
		"the tighter": {map[string]string{"proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "200\n", "sys/fs/cgroup/a/b/memory.max": "300\n"}, 200},
		"both, version 1 counts": {map[string]string{"proc/self/cgroup": "4:memory:/\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "600\n"}, 600},
		"version 1":          {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "600\n"}, 600},
		"version 1 no limit": {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryMax(root); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestWhatDoesNotFitIsSaidWithWhatToDo(t *testing.T) {
	p := &Pool{Parallel: 2}
	small, large := Task{Memory: 100 << 20}, Task{Memory: 300 << 20}
	const need = reserve + 2*(300<<20+overhead)
	for name, has := range map[string]int64{"no limit": 0, "just": need} {
		if err := p.fits(has, []Task{small, large}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := p.fits(need-1, []Task{small, large})
	want := "memory: 2 workers at a time may need 1056 MiB, and the container has 1055 MiB: " +
		"raise its memory limit, or let fewer run at a time with a lower CPU limit or GOMAXPROCS"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if n := (&Pool{}).parallel(); n != runtime.GOMAXPROCS(0) {
		t.Errorf("%d at a time", n)
	}
}
