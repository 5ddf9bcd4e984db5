package kube

import (
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What an action does to its release need not be answered; an edit of it may have to be, soon. Many changes are told as one,
// which is as urgent as any of them.
func TestWhatMayHaveToBeAnsweredSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Fleet{changed: make(chan bool, 1)}
		c := &Cluster{fleet: f}
		ours, other := releaseKey{"coder", "ours"}, releaseKey{"coder", "other"}
		told := func(want bool, what string, happens ...func()) {
			t.Helper()
			for _, happen := range happens {
				happen()
			}
			time.Sleep(time.Second) // of the bubble, more than changes are gathered for
			if soon := <-f.Changed(); soon != want {
				t.Errorf("%s: soon is %v", what, soon)
			}
			if len(f.changed) > 0 {
				t.Errorf("%s is told twice", what)
			}
		}
		told(false, "it is known more", func() { c.touch(other) })
		told(true, "everything is looked at", func() { c.touch(releaseKey{}) })
		told(false, "an action begins", func() { c.take(ours, true) })
		told(false, "it does something", func() { c.stir(ours, true) }, func() { c.stir(ours, true) })
		told(true, "meanwhile another is edited", func() { c.touch(ours) }, func() { c.stir(other, true) }, func() { c.touch(ours) })
		told(false, "it ends", func() { c.take(ours, false) })
		unheard := func() { time.Sleep(time.Second) } // what was gathered before is told, and nobody listens
		told(true, "it is edited, and nobody listens yet", func() { c.stir(ours, true) }, unheard, func() { c.touch(ours) })
	})
}

func TestWhatPresses(t *testing.T) {
	for name, test := range map[string]struct {
		was, is metav1.Object
		presses bool
	}{
		"an edit":                 {&object{mark: "1"}, &object{mark: "2"}, true},
		"its status":              {&object{mark: "1", message: "a"}, &object{mark: "1", message: "b"}, false},
		"given away":              {&object{mark: "1", owner: "a/b"}, &object{mark: "1"}, true},
		"come or gone":            {nil, &object{mark: "1"}, true},
		"our note":                {&recordObject{}, &recordObject{}, false},
		"our first note":          {nil, &recordObject{}, false},
		"to be tried again":       {&recordObject{}, &recordObject{retry: true}, true},
		"still to be tried":       {&recordObject{retry: true}, &recordObject{retry: true}, false},
		"a revision of a release": {nil, &metav1.PartialObjectMetadata{}, true},
	} {
		if pressing(test.was, test.is) != test.presses {
			t.Errorf("%s: presses is %v", name, !test.presses)
		}
	}
}
