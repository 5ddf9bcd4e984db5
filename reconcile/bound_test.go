package reconcile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A plan's words about what moved and its hash are of one mind.
func TestMovedIsWhatTheHashSays(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		was := Decide(want, live)
		switch rapid.IntRange(0, 3).Draw(t, "what moves") {
		case 1:
			_, live = drawWorld(t)
		case 2:
			want, _ = drawWorld(t)
		case 3:
			round(want, &live)
		}
		now := Decide(want, live)
		moved := now.Moved(was)
		if same := now.Hash() == was.Hash(); same != (len(moved) == 0) {
			t.Errorf("same hash: %v, and moved: %q", same, moved)
		}
	})
}

// Who is in the middle of something has not moved.
func TestProgressMovesNothing(t *testing.T) {
	s := fleetOf(2)
	was := Decide(s.want, s.live)
	for name, change := range map[string]func(obs *Observed){
		"settling":              func(obs *Observed) { obs.Health, obs.ReadySince = Progressing, time.Time{} },
		"locked":                func(obs *Observed) { obs.State = Locked },
		"not looked at closely": func(obs *Observed) { obs.Health = HealthUnknown },
	} {
		live := copyLive(s.live)
		for id, obs := range live.Clusters["eu"].Releases {
			change(&obs)
			live.Clusters["eu"].Releases[id] = obs
		}
		if moved := Decide(s.want, live).Moved(was); len(moved) > 0 {
			t.Errorf("%s: %q", name, moved)
		}
	}
}

// shownFrom is what a pull request showed that wants this.
func shownFrom(t interface{ Fatal(...any) }, want Desired, live Live) *Shown {
	raw, err := json.Marshal(Proposal{Stage: Planned, Want: want, Plan: Decide(want, live)}.Show()) // it is kept as JSON
	if err != nil {
		t.Fatal(err)
	}
	var s Shown
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// Where plans are required, what was shown happens just as it would without, and nothing else does.
func TestWhatWasShownHappensAndNothingElse(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		free, bound := copyLive(live), copyLive(live)
		strict := want
		strict.Bound = Bound{Required: true, Shown: shownFrom(t, want, live)}
		if diff := cmp.Diff(ops(Decide(want, live)), ops(Decide(strict, live))); diff != "" {
			t.Fatalf("what was shown is held: -free +bound:\n%s", diff)
		}
		round(want, &free)
		round(strict, &bound)
		if diff := cmp.Diff(free.Clusters, bound.Clusters); diff != "" {
			t.Errorf("-free +bound:\n%s", diff)
		}

		other, _ := drawWorld(t)
		other.Bound = strict.Bound
		for _, a := range Decide(other, live).Actions {
			if !a.decided(other, live.At) {
				continue
			}
			shown := false
			for _, s := range strict.Bound.Shown.Actions {
				shown = shown || s.ID == a.ID && s.Base == a.Want.Base && group(s.Op) == group(a.Op)
			}
			if !shown {
				t.Errorf("%s %s was not shown", a.Op, a.ID)
			}
		}
	})
}

func ops(p Plan) map[ID]Op {
	out := map[ID]Op{}
	for _, a := range p.Actions {
		out[a.ID] = a.Op
	}
	return out
}

func TestWhatIsBound(t *testing.T) {
	for _, test := range []struct {
		name  string
		bound func(s *scene) Bound
		want  Op
		says  string
	}{
		{"nothing is required", func(*scene) Bound { return Bound{} }, OpUpdate, ""},
		{"nothing was shown", func(*scene) Bound { return Bound{Required: true} }, OpHold, "no plan of revision"},
		{"it was shown", func(s *scene) Bound { return Bound{Required: true, Shown: shownFrom(t, s.want, s.live)} }, OpUpdate, ""},
		{"something else was shown", func(s *scene) Bound {
			other := s.want
			other.Items = nil
			return Bound{Required: true, Shown: shownFrom(t, other, Live{At: s.live.At})}
		}, OpHold, "does not have it"},
		{"other values were shown", func(s *scene) Bound {
			shown := shownFrom(t, s.want, s.live)
			shown.Actions[0].Base, shown.Request = "other", 7
			return Bound{Required: true, Shown: shown}
		}, OpHold, "pull request 7 says update"},
		{"overridden", func(s *scene) Bound {
			return Bound{Required: true, Override: Override{Reason: "incident", Until: s.live.At.Add(time.Hour)}}
		}, OpUpdate, ""},
		{"overridden until now", func(s *scene) Bound {
			return Bound{Required: true, Override: Override{Reason: "incident", Until: s.live.At}}
		}, OpHold, "no plan of revision"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fleetOf(1)
			s.want.Items[0].Release.Values = map[string]any{"greeting": "two"}
			s.want.Items[0].Seal()
			s.want.Bound = test.bound(s)
			a := Decide(s.want, s.live).Actions[0]
			if a.Op != test.want || !strings.Contains(a.Message, test.says) || test.says != "" && a.Reason != Guarded {
				t.Errorf("%s, %s: %s", a.Op, a.Reason, a.Message)
			}
		})
	}
}

// Of a Secret that nothing in force refers to, nobody knows whether it is there.
func TestForeseeingWhatIsNotLookedAtYet(t *testing.T) {
	s := fleetOf(1)
	report := Report{Want: s.want, Live: s.live}
	want := s.want
	it := testItem("eu", "new")
	it.Release.References = []Reference{{Path: "password", Kind: "Secret", Name: "unseen", Key: "it"}}
	it.Seal()
	want.Items = append(want.Items, it)
	for _, a := range Foresee(want, report).Actions {
		if a.ID == it.ID && (a.Op != OpCreate || len(a.Risks) != 1 || !strings.Contains(a.Risks[0], "Secret coder/unseen")) {
			t.Errorf("%s %s: %s %q", a.Op, a.Reason, a.Message, a.Risks)
		}
	}
	report.Want = want // it is in force, and the Secret is not there
	for _, a := range Foresee(want, report).Actions {
		if a.ID == it.ID && (a.Op != OpHold || a.Reason != WaitingForSecret) {
			t.Errorf("%s %s: %s", a.Op, a.Reason, a.Message)
		}
	}
}
