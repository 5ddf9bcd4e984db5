package reconcile

import (
	"iter"
	"time"
)

// Op is what an action does.
type Op string

// The ops. Every op but OpKeep is shown; OpKeep only when asked for.
const (
	OpCreate   Op = "create"
	OpUpdate   Op = "update"
	OpRepair   Op = "repair" // patches drifted fields; makes no Helm revision
	OpAdopt    Op = "adopt"
	OpRollback Op = "rollback"
	OpDelete   Op = "delete"
	OpOrphan   Op = "orphan" // takes our mark off and leaves everything running
	OpHold     Op = "hold"   // waits for somebody or something outside the plan
	OpKeep     Op = "keep"
)

// Ops lists every op, in the order in which summaries count them.
var Ops = []Op{OpCreate, OpUpdate, OpRepair, OpAdopt, OpRollback, OpDelete, OpOrphan, OpHold, OpKeep}

// Reason is why an action is what it is. The words are those a user reads in the plan, in statuses, in
// metrics and on the page.
type Reason string

// The reasons.
const (
	Missing    Reason = "absent"
	Changed    Reason = "changed"
	Drifted    Reason = "drifted"
	HasFailed  Reason = "failed"
	Orphaned   Reason = "orphaned"
	Adopted    Reason = "adopted"
	InSync     Reason = "in sync"
	Settling   Reason = "settling"
	IsLocked   Reason = "locked"
	BackingOff Reason = "backing off"

	Suspended Reason = "suspended"
	Cordoned  Reason = "cordoned"
	Windowed  Reason = "window"
	Frozen    Reason = "frozen"

	NotOurs           Reason = "not ours"
	Occupied          Reason = "occupied"
	Blocked           Reason = "blocked"
	Guarded           Reason = "guarded"
	Halted            Reason = "halted"
	URLNotReady       Reason = "url not ready"
	WaitingForSecret  Reason = "waiting for secret"
	RolledBack        Reason = "rolled back"
	Unrecognised      Reason = "unrecognised"
	Contested         Reason = "contested"
	UndeclaredCluster Reason = "undeclared cluster"
	Unknown           Reason = "unknown"
	Forgotten         Reason = "forgotten"
)

// Reasons lists every reason.
var Reasons = []Reason{
	Missing, Changed, Drifted, HasFailed, Orphaned, Adopted, InSync, Settling, IsLocked, BackingOff,
	Suspended, Cordoned, Windowed, Frozen,
	NotOurs, Occupied, Blocked, Guarded, Halted, URLNotReady, WaitingForSecret, RolledBack, Unrecognised,
	Contested, UndeclaredCluster, Unknown, Forgotten,
}

// Class says what ends a hold.
type Class string

// The classes of holds.
const (
	NoClass  Class = ""         // not a hold
	Progress Class = "progress" // time ends it
	Declared Class = "declared" // a declaration made it and ends it
	Person   Class = "person"   // somebody has to do something
)

// Class is the class of a hold for this reason.
func (r Reason) Class() Class {
	switch r {
	case IsLocked, BackingOff, Settling:
		return Progress
	case Suspended, Cordoned, Windowed, Frozen:
		return Declared
	}
	return Person
}

// MissingPermission is what a risk begins with that names a right that is needed and not given.
const MissingPermission = "missing permission: "

// Action is one line of a plan.
type Action struct {
	Op           Op
	ID           ID
	Provider     string
	Organization string
	Wave         int
	After        []ID
	Reason       Reason
	Class        Class // of a hold
	Would        Op    // of a hold: what it would be if nothing held it
	Message      string
	Waits        string    // what it comes after that is no single action, as "wave 1"; empty: nothing
	Due          time.Time // when time alone lets it go on; zero: time alone does not
	Back         string    // of a rollback: digest of the inputs to go back to; empty: the newest others
	Diff         string    // field by field, secrets masked; filled in by whoever can render
	Risks        []string  // filled in likewise
	Digest       string    // what the release will carry
	Commit       Commit    // the revision of the declarations that calls for it
	Want         Item      // zero where the item is not wanted any more
	Have         Observed  // what the decision was made on
}

// Plan is everything between what is declared and what is live, over all clusters, in order.
type Plan struct {
	Revision string
	Actions  []Action
	Clusters []ClusterState // every declared cluster and every one that holds something of ours, by name
	URL      *URLChange     // how far a change of the access URL is; nil: none is under way
}

// ClusterState says whether a plan could see a cluster.
type ClusterState struct {
	Name      string
	Reachable bool
	Err       string
	Since     time.Time
}

// Summary counts the actions by op; every op has its count.
func (p Plan) Summary() map[Op]int {
	out := make(map[Op]int, len(Ops))
	for _, op := range Ops {
		out[op] = 0
	}
	for a := range p.each() {
		out[a.Op]++
	}
	return out
}

// each are the actions where they are: they are large, and there are many.
func (p Plan) each() iter.Seq[*Action] {
	return func(yield func(*Action) bool) {
		for i := range p.Actions {
			if !yield(&p.Actions[i]) {
				return
			}
		}
	}
}
