package status

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// GitHub tells its secondary limit in several forms, and not always for how long; what it says of the primary one
// beside it does not count.
func TestASecondaryLimitLastsAtLeastAMinute(t *testing.T) {
	const about = `"documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits#about-secondary-rate-limits"`
	const words = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."`
	reset := fmt.Sprint(time.Now().Add(50 * time.Minute).Unix())
	for _, test := range []struct {
		name   string
		code   int
		header map[string]string
		body   string
		from   time.Duration
	}{
		{"403", http.StatusForbidden, nil, words + "," + about + "}", time.Minute},
		{"403 without an address", http.StatusForbidden, nil, words + "}", time.Minute},
		{"403, a short time", http.StatusForbidden, map[string]string{"Retry-After": "5"}, words + "," + about + "}", time.Minute},
		{"403, a long time", http.StatusForbidden, map[string]string{"Retry-After": "120"}, words + "}", 2 * time.Minute},
		{"403, something left of the primary one", http.StatusForbidden,
			map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": reset}, words + "," + about + "}", time.Minute},
		{"429", http.StatusTooManyRequests, nil, words + "}", time.Minute},
		{"429, something left of the primary one", http.StatusTooManyRequests,
			map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": reset}, words + "}", time.Minute},
		{"429, nothing left of the primary one", http.StatusTooManyRequests,
			map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, words + "}", 49 * time.Minute},
		{"429 of a proxy", http.StatusTooManyRequests, nil, "<html>", time.Minute},
	} {
		h := newHub("github")
		h.failNext(func(w http.ResponseWriter) {
			for name, value := range test.header {
				w.Header().Set(name, value)
			}
			answer(w, test.code, test.body)
		})
		_, err := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com").
			Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}})
		later, is := errors.AsType[*LaterError](err)
		if !is || later.After < test.from || later.After > test.from+2*time.Minute {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// A limit that is met again and again is left alone for longer and longer.
func TestTheSameLimitAgainIsLeftAloneForLonger(t *testing.T) {
	err := &LaterError{After: time.Minute, Err: errors.New("slow down")}
	for tries, from := range map[int]time.Duration{0: time.Minute, 7: 128 * time.Second, 50: maxDelay} {
		if got := delay(err, tries); got < from || got > from+from/4+1 {
			t.Errorf("after %d tries: %s, want %s and a little", tries, got, from)
		}
	}
	if got := delay(&LaterError{After: 1000 * time.Hour, Err: err}, 0); got > 2*maxSilence {
		t.Errorf("%s", got)
	}
}

// GitHub takes contexts of 255 characters; names of deployments and clusters are DNS labels.
func TestContextsOfTheLongestNamesFit(t *testing.T) {
	name := strings.Repeat("n", 63)
	if got := len(lineContext(name) + "/" + name); got > 255 {
		t.Errorf("%d characters", got)
	}
}

// A pull request on which nobody may write any more is no reason to try for ever.
func TestALockedConversationIsRefused(t *testing.T) {
	h := newHub("github")
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com").(*GitHub)
	forge.known.of("first")
	forge.known.login = "bot"
	h.failNext(func(w http.ResponseWriter) { answer(w, http.StatusOK, `[]`) }, func(w http.ResponseWriter) {
		answer(w, http.StatusForbidden, `{"message":"Unable to create comment because issue is locked."}`)
	})
	if err := forge.Comment(t.Context(), 7, "<!-- m -->", "<!-- m --> text"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

// Another account does not edit what the one before it wrote.
func TestAnotherAccountKnowsNoCommentOfTheFirst(t *testing.T) {
	k := &Known{}
	k.of("first")
	k.remember(7, said{id: 1})
	k.of("first")
	if _, there := k.comment(7); !there {
		t.Error("it is forgotten")
	}
	k.of("second")
	if _, there := k.comment(7); there || k.login != "" {
		t.Error("it is another account's")
	}
}
