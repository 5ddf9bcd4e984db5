package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/workspace-providers/reconcile/reconcile"
)

// MaxText is the number of characters a commit status may have; GitHub refuses more.
const MaxText = 140

// LineState is the state of a commit status, in the words of the forges.
type LineState string

// The states of a commit status.
const (
	StatePending LineState = "pending"
	StateSuccess LineState = "success"
	StateFailure LineState = "failure"
	StateError   LineState = "error" // superseded before it was done
)

// Line is one status on a commit.
type Line struct {
	SHA     string
	Context string // "reconcile/acme/apply", "reconcile/acme/apply/eu"
	State   LineState
	Text    string // at most MaxText characters on one line
	Done    int    // providers applied…
	Total   int    // …of so many that the commit is about
	Unsure  bool   // not everything it tells of was looked at yet: it is not to be posted
	Request int    // number of the pull request whose head this is; 0: it is about a merged commit
}

// Lines are the statuses of the revision in force and of a head that is not valid. The state follows the
// providers that the commit changed (all of them where Report.Changed is nil: what it changed is not
// known), the rest is counted in the text:
//
//	one of them in Error, or held until a person acts   failure  "eu/frankfurt: message; 2 others in Error"
//	one of them not applied or not Ready yet            pending  "3 of 12 providers applied"
//	else (Ready, or held by a declaration)              success  "3 of 3 changed Ready; sydney frozen"
//
// There is a line for the whole, and one for each cluster that holds a provider the commit changed. A program
// that looks at a part alone says nothing of the whole.
func Lines(r reconcile.Report) []Line {
	var lines []Line
	context := lineContext(r.Want.Owner)
	if r.HeadErr != nil && r.Head.SHA != "" && !r.Want.Narrowed {
		lines = append(lines, Line{SHA: r.Head.SHA, Context: context, State: StateFailure, Text: invalid(r.HeadErr)})
	}
	if r.Commit.SHA == "" || r.Commit.SHA == r.Head.SHA && r.HeadErr != nil {
		return lines
	}
	all := providers(r)
	if !r.Want.Narrowed {
		whole := tallyOf(all, r.Changed, everywhere).line(r.Commit.SHA, context)
		whole.Unsure = blind(&r)
		lines = append(lines, whole)
	}
	for _, cluster := range touched(all, r.Changed) {
		lines = append(lines, clusterLine(r, cluster, all))
	}
	return lines
}

// clusterLine is the line of one cluster.
func clusterLine(r reconcile.Report, cluster string, all []Provider) Line {
	line := tallyOf(all, r.Changed, cluster).line(r.Commit.SHA, lineContext(r.Want.Owner)+"/"+cluster)
	c, seen := reach(&r, cluster)
	line.Unsure = !seen
	if seen && !c.Reachable {
		line.State = StateFailure
		line.Text = fit(unreachableSince(c), "", MaxText)
	}
	return line
}

func unreachableSince(c reconcile.ClusterLive) string {
	if c.Since.IsZero() {
		return "unreachable: " + clean(c.Err)
	}
	return "unreachable since " + clock(c.Since) + ": " + clean(c.Err)
}

// everywhere stands for all clusters.
const everywhere = ""

// in says whether a provider is in a cluster, or has a release there still.
func (p *Provider) in(cluster string) bool {
	return cluster == everywhere || p.Cluster == cluster ||
		slices.ContainsFunc(p.Releases, func(rel Release) bool { return rel.Cluster == cluster })
}

// lineContext names the statuses of a deployment. Before any revision was valid its name may not be known.
func lineContext(deployment string) string {
	if deployment == "" {
		return "reconcile/apply"
	}
	return "reconcile/" + deployment + "/apply"
}

// invalid shows the first mistake of a revision that does not load, and counts the others.
func invalid(err error) string {
	line, more := firstLine(err.Error())
	tail := ""
	if more > 0 {
		tail = fmt.Sprintf("; and %d more", more)
	}
	at, path, cause := mistake(line)
	if path == "" {
		return fit(line, tail, MaxText)
	}
	taken := utf8.RuneCountInString(at+": "+": "+tail) + min(utf8.RuneCountInString(cause), MaxText/3)
	return placed(at, cutMiddle(path, max(MaxText-taken, MaxText/6))+": "+cause, tail, MaxText)
}

// mistake takes "file:line:col: path: message" apart; a line of another form has no path.
func mistake(line string) (at, path, cause string) {
	parts := strings.SplitN(line, ": ", 3)
	if len(parts) < 3 || strings.Contains(parts[0]+parts[1], " ") {
		return "", "", line
	}
	return parts[0], parts[1], parts[2]
}

// touched lists the clusters that hold a changed provider.
func touched(all []Provider, changed map[string]bool) []string {
	names := map[string]bool{}
	for i := range all {
		p := &all[i]
		if changed != nil && !changed[p.Name] {
			continue
		}
		names[p.Cluster] = true
		for _, rel := range p.Releases {
			names[rel.Cluster] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// tally counts the providers that a commit is about.
type tally struct {
	whole     bool // the commit is about all there are
	total     int  // that it changed and that are declared or still there
	applied   int
	ready     int
	gone      int      // that it removed, and that are gone
	paused    []string // held by a declaration: "sydney frozen"
	broken    []broken // in Error, or waiting for a person
	othersBad int      // in Error, of those that it did not change
}

// broken is a provider that is as it should not be: "eu/frankfurt", and why.
type broken struct{ at, cause string }

func tallyOf(all []Provider, changed map[string]bool, cluster string) tally {
	t := tally{whole: true}
	for i := range all {
		p := &all[i]
		switch {
		case !p.in(cluster):
		case changed == nil || changed[p.Name]:
			t.add(p)
		default:
			t.whole = false
			t.othersBad += int(truth(p.Status == Error))
		}
	}
	if changed != nil && cluster == everywhere {
		t.gone = len(changed) - t.total
	}
	return t
}

func (t *tally) add(p *Provider) {
	t.total++
	hold, waits := p.held(reconcile.Person)
	paused, pauses := p.held(reconcile.Declared)
	if p.Applied {
		t.applied++
	}
	switch at := p.Cluster + "/" + p.Name; {
	case p.Status == Error:
		t.broken = append(t.broken, broken{at, p.Message})
	case waits:
		t.broken = append(t.broken, broken{at, fmt.Sprintf("held, %s: %s", hold.Reason, hold.Message)})
	case pauses:
		t.paused = append(t.paused, p.Name+" "+string(paused.Reason))
	case p.Applied && p.Status == Ready:
		t.ready++
	}
}

// line writes the counts as a commit status.
func (t tally) line(sha, context string) Line {
	l := Line{SHA: sha, Context: context, Done: t.applied, Total: t.total}
	tail := ""
	if t.othersBad > 0 {
		tail = fmt.Sprintf("; %s in Error", count(t.othersBad, "other"))
	}
	switch {
	case len(t.broken) > 0:
		if more := len(t.broken) - 1; more > 0 {
			tail = fmt.Sprintf("; and %d more", more) + tail
		}
		l.State, l.Text = StateFailure, placed(t.broken[0].at, t.broken[0].cause, tail, MaxText)
	case t.ready+len(t.paused) < t.total:
		l.State, l.Text = StatePending, fit(t.progress(), tail, MaxText)
	default:
		l.State, l.Text = StateSuccess, fit(t.outcome(), tail, MaxText)
	}
	return l
}

// progress says how far a commit is.
func (t tally) progress() string {
	what := "providers"
	if !t.whole {
		what = "changed providers"
	}
	text := fmt.Sprintf("%d of %d %s applied", t.applied, t.total, what)
	if t.applied == t.total {
		text += fmt.Sprintf(", %d Ready", t.ready)
	}
	return text
}

// outcome says what a commit came to.
func (t tally) outcome() string {
	var parts []string
	switch {
	case t.total > 0 && t.whole:
		parts = append(parts, fmt.Sprintf("%d of %d Ready", t.ready, t.total))
	case t.total > 0:
		parts = append(parts, fmt.Sprintf("%d of %d changed Ready", t.ready, t.total))
	case t.gone == 0:
		parts = append(parts, "no provider changed")
	}
	if t.gone > 0 {
		parts = append(parts, fmt.Sprintf("%d removed", t.gone))
	}
	return strings.Join(append(parts, t.paused...), "; ")
}

// superseded is the last status of a commit that a newer one overtook.
func superseded(l Line, by string) Line {
	l.State, l.Text = StateError, "superseded by "+short(by)
	if l.Total > 0 {
		l.Text += fmt.Sprintf(" at %d of %d", l.Done, l.Total)
	}
	return l
}
