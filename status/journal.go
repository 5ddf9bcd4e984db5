package status

import (
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Event is something that happened to a provider while this program ran. Its JSON is part of what
// /api/v1/providers/<name> answers.
type Event struct {
	At       time.Time        `json:"at"`
	Kind     EventKind        `json:"kind"`
	Status   string           `json:"status"` // that it came into: "Ready (unverified)"
	Op       reconcile.Op     `json:"op"`     // what was done
	Reason   reconcile.Reason `json:"reason"` // why
	What     string           `json:"what"`   // to what, as plans name it
	Message  string           `json:"message"`
	Failed   bool             `json:"failed"`   // message says why it could not be done
	Took     float64          `json:"took"`     // seconds; of what was done how long, of a status how long the one before lasted
	Edits    []Edit           `json:"edits"`    // that were put back
	Revision string           `json:"revision"` // of the declarations, in force then or that called for it
}

// EventKind says what an event is.
type EventKind string

// The kinds of events.
const (
	StatusMoved EventKind = "status"
	ActionDone  EventKind = "action"
)

// journal keeps what happened to each provider. Its zero value knows of nothing.
type journal struct {
	mu      sync.Mutex // guards what follows
	history history
	read    time.Time         // when a report was last laid beside the one before
	unread  *reconcile.Report // the newest, if it was not yet
	events  map[string][]Event
}

const (
	keptEvents = 40                     // of one provider
	keptEdits  = 20                     // of one event
	journalGap = 500 * time.Millisecond // between two reports that are laid beside each other, unless somebody asks
)

// take notes a report. Where many come at once, what counts is where they lead.
func (j *journal) take(r *reconcile.Report) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unread = r
	if time.Since(j.read) >= journalGap {
		j.catchUp()
	}
}

// catchUp lays the newest report beside the one before. The caller holds mu.
func (j *journal) catchUp() {
	if j.unread == nil {
		return
	}
	r := *j.unread
	j.unread, j.read = nil, time.Now()
	now, gone := j.history.next(r)
	for _, c := range now {
		if !c.is() || c.before.Name == "" && c.Status == Ready {
			continue // as it was found is no event
		}
		j.add(c.Name, Event{
			At: r.Live.At.UTC(), Kind: StatusMoved, Status: c.Label(), Message: c.Message, Took: c.spent.Seconds(),
			Edits: []Edit{}, Revision: r.Commit.SHA,
		})
	}
	for _, p := range gone {
		delete(j.events, p.Name)
	}
}

// done notes how an action ended.
func (j *journal) done(o reconcile.Outcome) {
	if o.Action.Provider == "" || o.Stopped() {
		return
	}
	all := o.Action.Have.Drift
	e := Event{
		At: time.Now().UTC(), Kind: ActionDone, Op: o.Action.Op, Reason: o.Action.Reason, What: actionName(o.Action),
		Took: o.Took.Seconds(), Edits: []Edit{}, Revision: o.Action.Commit.SHA,
	}
	if o.Action.Op == reconcile.OpRepair {
		e.Edits = append(e.Edits, edits(all[:min(len(all), keptEdits)])...)
	}
	if o.Err != nil {
		e.Failed, e.Message = true, cut(clean(o.Err.Error()), keptError)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(o.Action.Provider, e)
}

// add keeps an event. The caller holds mu.
func (j *journal) add(provider string, e Event) {
	if j.events == nil {
		j.events = map[string][]Event{}
	}
	all := append(slices.Clip(j.events[provider]), e)
	j.events[provider] = all[max(0, len(all)-keptEvents):]
}

// of is what happened to a provider, newest first.
func (j *journal) of(provider string) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.catchUp()
	out := append([]Event{}, j.events[provider]...)
	slices.Reverse(out)
	return out
}
