package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// wave is how far the releases of one wave are, over all clusters.
type wave struct {
	total, ready int
	failed       []string            // what failed, and why
	soaked       time.Time           // when all of them will have been Ready for as long as is declared
	lost         map[string][]string // what is down and stays so, and why: in each cluster, and in all of them
	down         map[string][]string // what is down, likewise
}

// everywhere stands for all clusters.
const everywhere = ""

// wavesOf gathers the waves of a plan, by number.
func wavesOf(p Plan, want Desired, have Live) map[int]*wave {
	out := map[int]*wave{}
	for a := range p.each() {
		if !a.staged() {
			continue
		}
		if out[a.Wave] == nil {
			out[a.Wave] = &wave{lost: map[string][]string{}, down: map[string][]string{}}
		}
		out[a.Wave].add(a, want, have)
	}
	return out
}

func (w *wave) add(a *Action, want Desired, have Live) {
	w.total++
	for _, in := range []string{everywhere, a.ID.Cluster} {
		if a.down(have) {
			w.down[in] = append(w.down[in], trouble(a, have))
		}
		if a.lost(have) {
			w.lost[in] = append(w.lost[in], trouble(a, have))
		}
	}
	switch {
	case a.failed(have):
		w.failed = append(w.failed, trouble(a, have))
	case a.ready():
		w.ready++
		since := a.Have.ReadySince
		if since.IsZero() { // not written down yet, or lost: it counts from now on
			since = have.At
		}
		if soaked := since.Add(want.rollout(a.ID.Cluster).Soak); soaked.After(w.soaked) {
			w.soaked = soaked
		}
	}
}

// gate is what keeps a wave from starting, in the waves before it.
type gate struct {
	failed []string
	open   string    // the first of them that is not Ready yet, with those that failed left out
	behind string    // the last one before
	soaked time.Time // when all of them were Ready for as long as is declared
}

// gates are those of all waves.
func gates(waves map[int]*wave) map[int]gate {
	out, g := map[int]gate{}, gate{}
	for _, number := range slices.Sorted(maps.Keys(waves)) {
		out[number] = g
		w := waves[number]
		g.failed = slices.Concat(g.failed, w.failed)
		if g.open == "" && w.ready+len(w.failed) < w.total {
			g.open = fmt.Sprintf("wave %d: %d of %d are Ready", number, w.ready, w.total)
		}
		if w.soaked.After(g.soaked) {
			g.soaked = w.soaked
		}
		g.behind = fmt.Sprintf("wave %d", number)
	}
	return out
}

// inWaves lets the changes of a wave out when those before it are Ready, and have stayed so; and holds them
// when one of those before failed, or when as many of their own are down as may be. What failed itself was let out
// before, and waits for those before it no more.
func inWaves(p Plan, want Desired, have Live) Plan {
	waves := wavesOf(p, want, have)
	before := gates(waves)
	for a := range p.each() {
		if !a.rolls() {
			continue
		}
		r, failed := want.rollout(a.ID.Cluster), a.failed(have)
		*a = before[a.Wave].stop(*a, r, have.At, failed)
		if a.rolls() && a.Waits == "" && !r.Override.counts(have.At) && !a.down(have) {
			*a = waves[a.Wave].spare(*a, want)
		}
	}
	return p
}

// stop keeps an action from starting while something before its wave is not as it should be.
func (g gate) stop(a Action, r Rollout, at time.Time, begun bool) Action {
	urgent := r.Override.counts(at)
	switch {
	case len(g.failed) > 0 && !urgent:
		return hold(a, Halted, several(g.failed))
	case begun:
	case g.open != "":
		a.Waits = g.open
	case g.soaked.After(at) && !urgent:
		a.Waits = fmt.Sprintf("%s: all are Ready, and must stay so until %s", g.behind, g.soaked.UTC().Format(time.RFC3339))
		a.Due = g.soaked
	}
	return a
}

// spare keeps an action from taking down one more of its wave than may be. Where those that are down do not come
// back by themselves, it is held.
func (w *wave) spare(a Action, want Desired) Action {
	for _, in := range []struct {
		limit       int
		where, says string
	}{
		{want.Rollout.MaxUnavailable, everywhere, ""},
		{want.rollout(a.ID.Cluster).MaxUnavailable, a.ID.Cluster, " in cluster " + a.ID.Cluster},
	} {
		text := func(which []string) string {
			return fmt.Sprintf("%d of wave %d%s may be unavailable, and %d are: %s", in.limit, a.Wave, in.says, len(which), several(which))
		}
		switch lost, down := w.lost[in.where], w.down[in.where]; {
		case in.limit == 0 || a.Waits != "":
		case len(lost) >= in.limit:
			return hold(a, Halted, text(lost))
		case len(down) >= in.limit:
			a.Waits = text(down)
		}
	}
	return a
}

// outage counts, while actions are picked, how many of each wave are down: in all, and in each cluster.
type outage struct {
	in   map[scope]int
	want Desired
}

// scope is a wave in a cluster; in no cluster it is the whole wave.
type scope struct {
	wave    int
	cluster string
}

// outages are what is down before anything is picked.
func outages(p Plan, want Desired, have Live) outage {
	o := outage{map[scope]int{}, want}
	for a := range p.each() {
		if a.staged() && a.down(have) {
			o.note(a)
		}
	}
	return o
}

func (o outage) note(a *Action) {
	o.in[scope{wave: a.Wave}]++
	o.in[scope{a.Wave, a.ID.Cluster}]++
}

// full says whether no more of an action's wave may be taken down now.
func (o outage) full(a *Action) bool {
	over := func(limit, n int) bool { return limit > 0 && n >= limit }
	return over(o.want.Rollout.MaxUnavailable, o.in[scope{wave: a.Wave}]) ||
		over(o.want.rollout(a.ID.Cluster).MaxUnavailable, o.in[scope{a.Wave, a.ID.Cluster}])
}
