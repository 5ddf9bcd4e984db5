package kube

import (
	"testing"
	"time"
)

// What stays unwell is asked less and less often: within an hour, fewer than a hundred and thirty times.
func TestPodsAreAskedLessAndLessOften(t *testing.T) {
	asked, last := 0, time.Duration(0)
	for since := podsInterval; since < time.Hour; asked++ {
		again := podsAgain(asked+1, 1)
		if again < last || again < podsInterval || again > podsRarely {
			t.Fatalf("asked %d times, it is asked again after %v, and before that after %v", asked+1, again, last)
		}
		last = again
		since += again
	}
	if asked < 100 || asked > 130 {
		t.Errorf("asked %d times in an hour", asked)
	}
}

// However many are unwell, a cluster is asked no more than about three times a second.
func TestPodsOfManyReleasesAreAskedInTurn(t *testing.T) {
	for _, releases := range []int{1, 9, 100, 1000} {
		for times := range 20 {
			again := podsAgain(times+1, releases)
			if rate := float64(releases) / again.Seconds(); rate > 3.4 {
				t.Errorf("%d releases, asked %d times, each after %v: %.1f questions a second", releases, times+1, again, rate)
			}
		}
	}
}
