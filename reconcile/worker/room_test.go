package worker

import "testing"

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
		"raise its memory limit, or let fewer run at a time with a lower CPU limit"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if n := (&Pool{}).parallel(); n != cpus() {
		t.Errorf("%d at a time", n)
	}
}
