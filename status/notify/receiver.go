package notify

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// receiver tells one receiver the difference between what is open and what it was told.
type receiver struct {
	n    *Notifier
	bell chan struct{}
	end  context.CancelFunc

	tries   int       // that failed one after the other; run's alone
	silence time.Time // nothing is sent before; run's alone
	last    target    // that the last failure was of; run's alone

	mu   sync.Mutex // guards what follows
	who  Receiver
	open []Incident
	told map[string]Incident // by key
}

func newReceiver(n *Notifier, who Receiver, told map[string]Incident) *receiver {
	x := &receiver{n: n, bell: make(chan struct{}, 1), who: who, told: maps.Clone(told)}
	if x.told == nil {
		x.told = map[string]Incident{}
	}
	return x
}

// offer says what is open now. It does not wait.
func (x *receiver) offer(who Receiver, open []Incident) {
	x.mu.Lock()
	x.who, x.open = who, open
	x.mu.Unlock()
	ring(x.bell)
}

// ring wakes whoever waits for a bell; more than once is once.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// knows are the incidents that it was told of.
func (x *receiver) knows() map[string]Incident {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.told)
}

// What one message holds, at most.
const (
	mostInChat    = 20
	mostInWebhook = 100
)

// due is what is to be told next, the oldest first; what there is no room for in a chat is only counted.
func (x *receiver) due() (who Receiver, all []news, more int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	open := map[string]bool{}
	for _, i := range x.open {
		open[i.Key] = true
		if _, told := x.told[i.Key]; !told && x.who.wants(i.Event) {
			all = append(all, news{Incident: i})
		}
	}
	for key, i := range x.told {
		switch {
		case open[key]:
		case x.who.wants(Recovered):
			all = append(all, news{i, true})
		default:
			delete(x.told, key)
		}
	}
	slices.SortFunc(all, func(a, b news) int { return compareIncidents(a.Incident, b.Incident) })
	if x.who.Kind == Webhook {
		return x.who, all[:min(len(all), mostInWebhook)], 0
	}
	return x.who, all, max(0, len(all)-mostInChat)
}

// said notes what was told.
func (x *receiver) said(all []news) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, one := range all {
		if one.ended {
			delete(x.told, one.Key)
		} else {
			x.told[one.Key] = one.Incident
		}
	}
}

// run tells until ctx ends.
func (x *receiver) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := x.turn(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-x.bell:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// never is a wait that only the bell ends.
const never = 24 * time.Hour

// turn tells what is due, and says how long it can rest.
func (x *receiver) turn(ctx context.Context) time.Duration {
	who, all, more := x.due()
	if len(all) == 0 {
		return never
	}
	to, err := findTarget(x.n.o.Credentials, who)
	if left := time.Until(x.silence); left > 0 && (x.tries == 0 || to.equal(x.last)) {
		return left // a URL or a key that was changed counts at once
	}
	if err == nil {
		m := message{page: x.n.o.Page(), deployment: x.n.o.Deployment(), at: time.Now(), news: all[:len(all)-more], more: more}
		err = x.n.deliver(ctx, who, to, m)
	}
	if err != nil && ctx.Err() != nil {
		return 0 // it was not the receiver that failed
	}
	x.heard(who, to, err)
	if err == nil {
		x.said(all)
		ring(x.n.bell) // which remembers it
	}
	return time.Until(x.silence)
}

// heard draws the conclusion from one delivery: the next one waits.
func (x *receiver) heard(who Receiver, to target, err error) {
	x.n.o.Count(who.Kind, result(err))
	if err == nil {
		if x.tries > 0 {
			x.n.o.Log.Info("notifications are delivered again", "receiver", who.Name)
		}
		x.tries, x.silence, x.last = 0, time.Now().Add(x.n.o.Every), target{}
		return
	}
	if x.tries == 0 {
		x.n.o.Log.Warn("notifications cannot be delivered; trying again", "receiver", who.Name, "reason", err.Error())
	}
	x.silence, x.last = time.Now().Add(x.n.delay(err, x.tries)), to
	x.tries++
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
