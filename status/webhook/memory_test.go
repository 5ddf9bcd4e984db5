package webhook

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What was delivered before changes nothing, by whichever mark it is known.
func TestReplaysChangeNothing(t *testing.T) {
	raw, line := key()
	signed := gitlabSigned(raw, push, "7", time.Now())
	token := func(body, id string) delivery {
		return delivery{"gitlab", body, headers("X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "blue", "Idempotency-Key", id)}
	}
	for name, test := range map[string]struct {
		first, second delivery
		again         bool // the second is a replay
	}{
		"the same":                            {github("blue", "a", "1"), github("blue", "a", "1"), true},
		"the same body with another id":       {github("blue", "a", "1"), github("blue", "a", "2"), true},
		"the same body without an id":         {github("blue", "a", "1"), github("blue", "a", ""), true},
		"another body with the same id":       {github("blue", "a", "1"), github("blue", "b", "1"), true},
		"another body with another id":        {github("blue", "a", "1"), github("blue", "b", "2"), false},
		"another body without ids":            {github("blue", "a", ""), github("blue", "b", ""), false},
		"gitlab's, signed":                    {signed, signed, true},
		"gitlab's, with a token":              {token("a", "1"), token("a", "1"), true},
		"gitlab's test button, pressed twice": {token("a", "1"), token("a", "2"), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, patience)
			r.secret("github", "blue")
			r.secret("gitlab", "blue\n"+line)
			if got := r.send(test.first); got.Code != http.StatusAccepted {
				t.Fatalf("the first: %d %s", got.Code, got.Body)
			}
			want, code, looks := " accepted", http.StatusAccepted, int64(2)
			if test.again {
				want, code, looks = " replayed", http.StatusOK, 1
			}
			if got := r.send(test.second); got.Code != code || r.pokes.Load() != looks {
				t.Errorf("the second: %d %s, %d looks in all", got.Code, got.Body, r.pokes.Load())
			}
			if n := r.counted()[test.first.forge+want]; n == 0 {
				t.Errorf("counted %v", r.counted())
			}
		})
	}
}

// What nobody acted on may come again: it is not remembered.
func TestOnlyWhatWasAcceptedIsRemembered(t *testing.T) {
	r := newRig(t, patience)
	d := github("blue", push, "1")
	r.send(d) // there is no secret yet
	r.secret("github", "blue")
	ignored := github("blue", push, "1")
	ignored.head.Set("X-GitHub-Event", "star")
	r.send(ignored)
	if got := r.send(d); got.Code != http.StatusAccepted {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	want := map[string]int{"github refused": 1, "github ignored": 1, "github accepted": 1}
	if diff := cmp.Diff(want, r.counted()); diff != "" {
		t.Error(diff)
	}
}

// The memory of deliveries has an end, and forgets the oldest first.
func TestTheMemoryIsBounded(t *testing.T) {
	var m memory
	all := func(i int) []mark { return marks(strconv.Itoa(i), []byte{byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * remembered {
		if !m.isNew(all(i)) {
			t.Fatalf("%d is new", i)
		}
	}
	if len(m.known) != 2*remembered || len(m.ring) != 2*remembered {
		t.Errorf("%d and %d marks, want %d", len(m.known), len(m.ring), 2*remembered)
	}
	if m.isNew(all(2*remembered)) || !m.isNew(all(2*remembered-1)) {
		t.Error("the last 4096 are known, and no more")
	}
}
