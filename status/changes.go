package status

import (
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// change is a provider that is new or not as it was in the report before.
type change struct {
	*Provider
	before *Provider     // without a name: it is new
	spent  time.Duration // in the status before
	known  bool          // it was looked at, now or before
}

// history remembers the last report and says what a new one changes. Its zero value has seen none.
type history struct {
	at   time.Time
	last []seen // by name
}

// seen is a provider and when it came into the status that it is in, as far as this process knows.
type seen struct {
	*Provider
	since time.Time
	known bool // it was looked at
}

// next lists every provider of a report beside what it was, and those that are gone, both by name.
func (h *history) next(r reconcile.Report) (now []change, gone []Provider) {
	before, all, nobody := h.last, providers(r), &Provider{}
	h.at, h.last, now = r.Live.At, make([]seen, 0, len(all)), make([]change, 0, len(all))
	for i := range all {
		p := &all[i]
		for len(before) > 0 && before[0].Name < p.Name {
			gone, before = append(gone, *before[0].Provider), before[1:]
		}
		c, since := change{Provider: p, before: nobody, known: looked(&r, p)}, r.Live.At
		if len(before) > 0 && before[0].Name == p.Name {
			c, since = c.after(before[0], r.Live.At)
			before = before[1:]
		}
		now, h.last = append(now, c), append(h.last, seen{p, since, c.known})
	}
	for _, s := range before {
		gone = append(gone, *s.Provider)
	}
	return now, gone
}

// after lays what a provider was before beside what it is now, and says since when it is so. What it was
// before anybody looked is nothing to compare with.
func (c change) after(was seen, now time.Time) (change, time.Time) {
	if was.known {
		c.before, c.known = was.Provider, true
	}
	c.spent = now.Sub(was.since)
	if was.Label() == c.Label() {
		return c, was.since
	}
	return c, now
}

// looked says whether what a report says of a provider was seen.
func looked(r *reconcile.Report, p *Provider) bool {
	c, seen := reach(r, p.Cluster)
	_, asked := c.Lacking[p.Name]
	return seen && (asked || !c.Reachable || !r.Want.Providers[p.Name].BuiltIn)
}

// is says whether the change is worth a line: another status, or another message of what is in Error.
func (c change) is() bool {
	if !c.known {
		return false
	}
	return c.before.Label() != c.Label() || c.Status == Error && c.before.Message != c.Message
}
