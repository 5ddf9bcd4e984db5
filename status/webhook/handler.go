package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// How a request ended: a closed list for a metric's label.
const (
	Accepted = "accepted"  // the repository is looked at
	Ignored  = "ignored"   // verified, and of no interest
	Refused  = "refused"   // not verified: no or a wrong signature, no secret, or a body that did not come
	Replayed = "replayed"  // verified, and delivered before
	TooLarge = "too large" // a body of more than 25 MiB
	Busy     = "busy"      // as many as are read at a time are being read
)

// Results lists how requests end.
func Results() []string { return []string{Accepted, Ignored, Refused, Replayed, TooLarge, Busy} }

const (
	maxBody  = 25 << 20         // bytes; GitHub sends no more
	atOnce   = 8                // bodies read at a time
	patience = 10 * time.Second // for a body; GitHub waits no longer for an answer
)

// Options say what a webhook is held against and what it brings about.
type Options struct {
	Credentials fs.FS                      // the credentials; secrets are in webhooks/<forge>, one a line; nil: none
	Poke        func()                     // look at the repository now; must not block
	Count       func(forge, result string) // called once for each request; words of Forges and Results
	Log         *slog.Logger               // says why something was refused, never what was sent
}

// New answers POST /webhooks/<forge> and nothing else.
func New(o Options) http.Handler { return newHandler(o, patience) }

func newHandler(o Options, patience time.Duration) http.Handler {
	mux, places := http.NewServeMux(), make(chan struct{}, atOnce)
	for _, f := range table() {
		mux.Handle("POST /webhooks/"+f.name, &receiver{Options: o, forge: f, places: places, patience: patience})
	}
	return mux
}

// receiver answers the webhooks of one forge.
type receiver struct {
	Options
	forge    forge
	places   chan struct{} // of all forges; full: others are turned away
	patience time.Duration
	before   memory
	said     sayings
}

// answer is what the sender and the metric are told.
type answer struct {
	result string
	code   int
	text   string
	why    string // for the log alone; empty: text says it all
}

// ServeHTTP answers one delivery.
func (r *receiver) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	// Where there is no deadline to set, the server has one of its own. It counts for what is left unread, too.
	_ = http.NewResponseController(out).SetReadDeadline(time.Now().Add(r.patience))
	a := r.answer(out, in)
	r.Count(r.forge.name, a.result)
	switch a.result {
	case Accepted:
		r.said.forget()
	case Refused, TooLarge:
		if why := cmp.Or(a.why, a.text); r.said.first(why) {
			r.Log.Warn("webhook refused", "forge", r.forge.name, "reason", why)
		}
	case Busy:
		out.Header().Set("Retry-After", "1")
	}
	http.Error(out, a.result+": "+a.text, a.code)
}

// answer judges a request, by what costs least first.
func (r *receiver) answer(out http.ResponseWriter, in *http.Request) answer {
	c, err := r.forge.claim(in.Header)
	if err != nil {
		return refuse(http.StatusUnauthorized, err.Error())
	}
	if in.ContentLength > maxBody {
		return tooLarge()
	}
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	default:
		return answer{result: Busy, code: http.StatusServiceUnavailable, text: "try again in a moment"}
	}
	k, err := r.keys()
	if err != nil {
		return noSecret(err)
	}
	sum, err := c.verify(k, http.MaxBytesReader(out, in.Body, maxBody))
	if err != nil {
		return unverified(err)
	}
	return r.verified(in.Header, sum)
}

// keys are what may verify now.
func (r *receiver) keys() (keys, error) {
	lines, err := secrets(r.Credentials, r.forge.name)
	if err != nil {
		return keys{}, err
	}
	return r.forge.keys(lines)
}

// verified answers what comes from the forge.
func (r *receiver) verified(h http.Header, sum []byte) answer {
	if !r.forge.looks(h) {
		return answer{result: Ignored, code: http.StatusOK, text: "nothing to look at after this event"}
	}
	if !r.before.isNew(marks(first(h, r.forge.id), sum)) {
		return answer{result: Replayed, code: http.StatusOK, text: "it was delivered before, and looked at then"}
	}
	r.Poke()
	return answer{result: Accepted, code: http.StatusAccepted, text: "the repository is looked at"}
}

func tooLarge() answer {
	text := fmt.Sprintf("a body may have %d bytes", maxBody)
	return answer{result: TooLarge, code: http.StatusRequestEntityTooLarge, text: text}
}

func refuse(code int, text string) answer { return answer{result: Refused, code: code, text: text} }

// noSecret answers where nothing can be verified. What is wrong with a file is for the log, and names no secret.
func noSecret(err error) answer {
	if errors.Is(err, fs.ErrNotExist) {
		return answer{Refused, http.StatusNotFound, "there is no secret for this forge", err.Error() +
			": put the webhook's secret into the file of the forge's name in webhooks/ of the credentials"}
	}
	return answer{Refused, http.StatusUnauthorized, "the secret cannot be used; the log says why", err.Error()}
}

// unverified answers what could not be read to its end, or does not fit.
func unverified(err error) answer {
	if errors.Is(err, errWrong) {
		return refuse(http.StatusUnauthorized, err.Error())
	}
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		return tooLarge()
	}
	return refuse(http.StatusRequestTimeout, "the body did not come, or not in time")
}

// sayings are what was said once. They are few: texts without anything that was sent.
type sayings struct {
	mu  sync.Mutex // guards all
	all map[string]bool
}

// first says whether a text is said for the first time.
func (s *sayings) first(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[text] {
		return false
	}
	if s.all == nil {
		s.all = map[string]bool{}
	}
	s.all[text] = true
	return true
}

// forget lets everything be said once more.
func (s *sayings) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
}
