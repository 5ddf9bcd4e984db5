package kube

import (
	"testing"
	"time"
)

func TestLatencyIsRoundedSoThatItIsSeldomNews(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0:                       0,
		300 * time.Microsecond:  time.Millisecond,
		time.Millisecond:        time.Millisecond,
		3 * time.Millisecond:    5 * time.Millisecond,
		7 * time.Millisecond:    10 * time.Millisecond,
		11 * time.Millisecond:   20 * time.Millisecond,
		70 * time.Millisecond:   100 * time.Millisecond,
		1300 * time.Millisecond: 2 * time.Second,
	} {
		var l latency
		if took > 0 {
			l.note(took)
		}
		if got := l.rounded(); got != want {
			t.Errorf("%s is rounded to %s, want %s", took, got, want)
		}
	}
}

func TestLatencyForgetsSlowly(t *testing.T) {
	var l latency
	l.note(100 * time.Millisecond)
	l.note(time.Millisecond)
	if got := l.rounded(); got != 100*time.Millisecond {
		t.Errorf("one fast answer makes it %s", got)
	}
	for range 60 {
		l.note(time.Millisecond)
	}
	if got := l.rounded(); got != 2*time.Millisecond {
		t.Errorf("many fast answers make it %s", got)
	}
}
