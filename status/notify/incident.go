package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Event is a kind of incident, as deployment.notify names it.
type Event string

// The events. Recovered is the end of an incident of any kind.
const (
	Error     Event = "error"
	Hold      Event = "hold"
	Halted    Event = "halted"
	Frozen    Event = "frozen"
	Recovered Event = "recovered"
)

// Incident is something that somebody should know of.
type Incident struct {
	Key      string    `json:"key"` // the same for as long as it is the same incident
	Event    Event     `json:"event"`
	Provider string    `json:"provider,omitempty"`
	Cluster  string    `json:"cluster,omitempty"`
	Title    string    `json:"title"`              // what is wrong, in a few words
	Message  string    `json:"message,omitempty"`  // why, in the words of what fails
	Over     string    `json:"over"`               // what is said when it has ended
	Revision string    `json:"revision,omitempty"` // in force when it began
	Began    time.Time `json:"began"`
}

// id tells this incident from an earlier one of the same kind in the same place.
func (i Incident) id() string {
	sum := sha256.Sum256([]byte(i.Key + "\x00" + i.Began.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:8])
}

func compareIncidents(a, b Incident) int {
	return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Key, b.Key))
}

// Patience is how long something has to last before it is an incident, and has to be over before that has ended.
type Patience struct {
	Error   time.Duration // of a provider; built in: 10 s
	Outage  time.Duration // of a cluster or the repository; built in: 1 min
	Hold    time.Duration // built in: 30 min
	Recover time.Duration // built in: 30 s
}

// filled has what is built in where nothing is set.
func (p Patience) filled() Patience {
	return Patience{
		Error: cmp.Or(p.Error, 10*time.Second), Outage: cmp.Or(p.Outage, time.Minute),
		Hold: cmp.Or(p.Hold, 30*time.Minute), Recover: cmp.Or(p.Recover, 30*time.Second),
	}
}

// begins is how long something must last to be told of. What people did themselves is so at once.
func (p Patience) begins(i Incident) time.Duration {
	switch {
	case i.Event == Hold:
		return p.Hold
	case i.Event == Frozen, i.Key == keyDeclarations:
		return 0
	case i.Event == Error && i.Provider == "":
		return p.Outage
	}
	return p.Error
}

// ends is how long it must be over.
func (p Patience) ends(i Incident) time.Duration {
	if i.Event == Frozen || i.Key == keyDeclarations {
		return 0
	}
	return p.Recover
}
