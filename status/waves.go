package status

import (
	"cmp"
	"maps"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// RolloutDoc is how far what is declared has gone out, wave by wave. It is what /api/v1/rollout answers.
type RolloutDoc struct {
	Revision RevisionDoc `json:"revision"` // in force
	UnderWay bool        `json:"underWay"` // something is still to go out
	Waves    []WaveDoc   `json:"waves"`    // by number
}

// WaveDoc is one wave, over all clusters. Its releases are those that count: what is suspended is left out of a rollout.
type WaveDoc struct {
	Number   int               `json:"number"`
	Counts   map[WaveState]int `json:"counts"` // of each state that there is
	Total    int               `json:"total"`
	Waits    string            `json:"waits"` // what it waits for; empty: for nothing
	Releases []WaveRelease     `json:"releases"`
}

// WaveRelease is one release of a wave.
type WaveRelease struct {
	Cluster      string    `json:"cluster"`
	Provider     string    `json:"provider"`
	Organization string    `json:"organization"`
	State        WaveState `json:"state"`
	Message      string    `json:"message"`
}

// WaveState is how far one release of a wave is.
type WaveState string

// The states, in the order in which a release goes through them.
const (
	WaveWaiting WaveState = "waiting" // its turn comes later
	WaveHeld    WaveState = "held"
	WaveWorking WaveState = "working" // it is being applied, or comes up
	WaveFailed  WaveState = "failed"
	WaveReady   WaveState = "ready"
)

// WaveStates lists every state.
var WaveStates = []WaveState{WaveWaiting, WaveHeld, WaveWorking, WaveFailed, WaveReady}

// Rollout is how far what is declared has gone out.
func Rollout(r reconcile.Report) RolloutDoc {
	waves := map[int]*WaveDoc{}
	doc := RolloutDoc{Revision: revisionDoc(r.Commit), Waves: []WaveDoc{}}
	for i := range r.Plan.Actions {
		a := &r.Plan.Actions[i]
		if a.ID.Kind != reconcile.KindRelease || !wanted(a) || a.Want.Suspended != "" {
			continue
		}
		w := waves[a.Wave]
		if w == nil {
			w = &WaveDoc{Number: a.Wave, Counts: map[WaveState]int{}}
			waves[a.Wave] = w
		}
		rel := judge(a, &r)
		w.add(a, rel)
		doc.UnderWay = doc.UnderWay || !rel.applied && r.Live.Clusters[a.ID.Cluster].Reachable
	}
	for _, number := range slices.Sorted(maps.Keys(waves)) {
		doc.Waves = append(doc.Waves, *waves[number])
	}
	return doc
}

// add takes one release into its wave.
func (w *WaveDoc) add(a *reconcile.Action, rel Release) {
	one := WaveRelease{
		Cluster: a.ID.Cluster, Provider: a.Provider, Organization: a.Organization, State: waveState(a, rel), Message: rel.Message,
	}
	if one.State == WaveHeld {
		one.Message = clean(why(*a))
	}
	if one.State == WaveWaiting {
		w.Waits = cmp.Or(w.Waits, clean(a.Waits))
	}
	w.Total++
	w.Counts[one.State]++
	w.Releases = append(w.Releases, one)
}

// waveState is how far a release is.
func waveState(a *reconcile.Action, rel Release) WaveState {
	switch {
	case rel.Status == Error:
		return WaveFailed
	case a.Op == reconcile.OpHold && a.Class != reconcile.Progress && !rel.applied:
		return WaveHeld
	case rel.applied && rel.Status == Ready:
		return WaveReady
	case a.Acts() && (a.Waits != "" || len(waitsFor(*a)) > 0):
		return WaveWaiting
	}
	return WaveWorking
}

// Ready is how many of its releases are.
func (w WaveDoc) Ready() int { return w.Counts[WaveReady] }

// State is the one that says most of a wave: what failed before what is held, and what is under way before what is done.
func (w WaveDoc) State() WaveState {
	for _, s := range []WaveState{WaveFailed, WaveHeld, WaveWorking, WaveWaiting} {
		if w.Counts[s] > 0 {
			return s
		}
	}
	return WaveReady
}
