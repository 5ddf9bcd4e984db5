package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// steps looks at a world again and again, a minute apart, and says what is open after each look.
type steps struct {
	t   *testing.T
	w   *world
	tr  *tracker
	now time.Time
}

func newSteps(t *testing.T, names ...string) *steps {
	return &steps{t: t, w: newWorld(names...), tr: newTracker(Patience{}), now: time.Now()}
}

// after looks after some time, and wants these incidents to be open.
func (s *steps) after(d time.Duration, want ...string) {
	s.t.Helper()
	s.now = s.now.Add(d)
	r := s.w.report()
	r.Live.At = s.now
	s.tr.look(find(&r), s.now)
	var got []string
	for _, i := range s.tr.open(s.now) {
		got = append(got, i.Title)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("-want +got:\n%s", diff)
	}
}

// What comes and goes is no incident, what comes back at once did not end, and what is tried again is not well.
func TestPatience(t *testing.T) {
	s := newSteps(t, "frankfurt")
	const wrong = "eu/frankfurt is in Error"
	s.after(0)
	s.w.health("frankfurt", reconcile.Unhealthy, "no image")
	s.after(0)
	s.w.health("frankfurt", reconcile.Healthy, "")
	s.after(5 * time.Second)
	s.w.health("frankfurt", reconcile.Unhealthy, "no image")
	s.after(6 * time.Second)
	s.after(10*time.Second, wrong)
	s.w.health("frankfurt", reconcile.Healthy, "")
	s.after(0, wrong)
	s.w.health("frankfurt", reconcile.Unhealthy, "no image")
	s.after(29*time.Second, wrong)
	s.w.health("frankfurt", reconcile.Progressing, "")
	s.after(time.Hour, wrong)
	s.w.health("frankfurt", reconcile.Healthy, "")
	s.after(time.Second, wrong)
	s.after(30 * time.Second)
}

// While a cluster does not answer, that is the one incident there; what was wrong before stays so.
func TestAClusterThatDoesNotAnswerEndsNothing(t *testing.T) {
	s := newSteps(t, "frankfurt", "munich")
	s.w.health("frankfurt", reconcile.Unhealthy, "no image")
	s.after(0)
	s.after(time.Minute, "eu/frankfurt is in Error")
	s.w.reaches(false)
	s.after(time.Minute, "eu/frankfurt is in Error")
	s.after(time.Minute, "eu/frankfurt is in Error", "cluster eu cannot be reached")
	s.w.reaches(true)
	s.w.health("frankfurt", reconcile.Healthy, "")
	s.after(time.Minute, "eu/frankfurt is in Error", "cluster eu cannot be reached")
	s.after(time.Minute)
}

// A hold counts when it is long and needs somebody; a rollout that is halted is one thing, however many wait.
func TestHolds(t *testing.T) {
	s := newSteps(t, "a", "b", "c", "d", "e")
	s.w.hold("a", reconcile.NotOurs, "installed by Flux")
	s.w.hold("b", reconcile.Suspended, "it moves")
	s.w.hold("c", reconcile.Halted, "eu/x failed")
	s.w.hold("d", reconcile.Halted, "eu/x failed")
	s.after(0)
	s.after(time.Minute, "the rollout is halted before eu/c, eu/d")
	s.after(30*time.Minute, "the rollout is halted before eu/c, eu/d", "eu/a waits for somebody: not ours")
	for _, name := range []string{"a", "c", "d"} {
		s.w.hold(name, "", "")
	}
	s.after(0, "the rollout is halted before eu/c, eu/d", "eu/a waits for somebody: not ours")
	s.after(time.Minute)
}

// A provider that is gone has recovered, as has a cluster.
func TestWhatIsGoneIsOver(t *testing.T) {
	s := newSteps(t, "frankfurt", "munich")
	s.w.health("frankfurt", reconcile.Unhealthy, "no image")
	s.after(0)
	s.after(time.Minute, "eu/frankfurt is in Error")
	s.w.Plan.Actions = s.w.Plan.Actions[1:]
	delete(s.w.Want.Providers, "frankfurt")
	s.after(0, "eu/frankfurt is in Error")
	s.after(time.Minute)
	s.w.reaches(false)
	s.after(0)
	s.after(time.Hour, "cluster eu cannot be reached")
	s.w.Plan.Clusters, s.w.Plan.Actions = nil, nil
	s.after(0, "cluster eu cannot be reached")
	s.after(time.Minute)
}

// Where declarations come from is told of as well.
func TestTheSource(t *testing.T) {
	s := newSteps(t, "frankfurt")
	s.w.HeadErr = errors.New("providers.cue:1:2: unknown field")
	s.after(0, "revision 1a2b3c4 is not in force")
	s.w.HeadErr, s.w.FetchErr = nil, errors.New("connection refused")
	s.after(0)
	s.after(time.Minute, "the repository cannot be read")
	s.w.FetchErr = nil
	s.after(time.Second, "the repository cannot be read")
	s.after(time.Minute)
}

// Signatures are those of standardwebhooks.com: "v1," and the HMAC over id, time and body, in base64, for each key.
func TestSignature(t *testing.T) {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	h := sign("msg_1", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), []string{"whsec_" + base64.StdEncoding.EncodeToString(raw), "other"})
	var want []string
	for _, key := range [][]byte{raw, []byte("other")} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(`msg_1.1614265330.{"test": 2432232314}`))
		want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if got := strings.Fields(h.Get("Webhook-Signature")); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", http.Header(h), want)
	}
}
