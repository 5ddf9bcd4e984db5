package status

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Log is a Reporter that logs what changes from one report to the next, one line for each event. A report
// that changes nothing is not logged, and of providers nothing before every cluster was looked at. Each line names the
// provider and the cluster that it is about, and the revision in force, so that they can be searched for.
type Log struct {
	out *slog.Logger

	mu      sync.Mutex // guards the rest
	last    reconcile.Report
	history history
	frozen  map[string][]Freeze // by cluster, as it was when it last answered
}

// NewLog logs to a logger.
func NewLog(out *slog.Logger) *Log { return &Log{out: out, frozen: map[string][]Freeze{}} }

// Report logs what is new in a report.
func (l *Log) Report(r reconcile.Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revisions(r)
	l.clusters(r)
	if !blind(&r) {
		l.providers(r)
		l.accessURL(r)
	}
	l.last = r
}

func (l *Log) revisions(r reconcile.Report) {
	if r.Commit.SHA != l.last.Commit.SHA {
		l.out.Info("revision in force", "revision", short(r.Commit.SHA), "author", clean(r.Commit.Author),
			"subject", clean(r.Commit.Subject))
	}
	if why := message(r.HeadErr); why != message(l.last.HeadErr) && why != "" {
		line, more := firstLine(why)
		l.out.Error("revision is not valid", "revision", short(r.Head.SHA), "reason", line, "more", more)
	}
	switch why, before := message(r.FetchErr), message(l.last.FetchErr); {
	case why == "" && before != "":
		l.out.Info("repository can be read again", "revision", short(r.Commit.SHA))
	case why != "" && before == "":
		l.out.Warn("repository cannot be read", "revision", short(r.Commit.SHA), "reason", clean(why))
	}
}

func (l *Log) clusters(r reconcile.Report) {
	for _, c := range clustersOf(r.Plan) {
		now, seen := reach(&r, c.Name)
		before, was := reach(&l.last, c.Name)
		switch {
		case !seen || was && now.Reachable == before.Reachable:
		case now.Reachable:
			l.out.Info("cluster answers", "cluster", c.Name, "revision", short(r.Commit.SHA), "version", now.Version)
		default:
			l.out.Error("cluster cannot be reached", "cluster", c.Name, "revision", short(r.Commit.SHA), "reason", clean(now.Err))
		}
		if now.Reachable {
			l.freezes(c.Name, short(r.Commit.SHA), frozenIn(now, r.Live.At))
		}
	}
}

// freezes logs what was stopped in a cluster, and what may go on. One that is prolonged is the same.
func (l *Log) freezes(cluster, revision string, now []Freeze) {
	before := l.frozen[cluster]
	among := func(all []Freeze, f Freeze) bool {
		return slices.ContainsFunc(all, func(o Freeze) bool {
			o.Until = f.Until
			return o == f
		})
	}
	say := func(event string, f Freeze, more ...any) {
		args := []any{"cluster", cluster, "of", f.Scope(), "reason", f.Reason, "by", f.By, "revision", revision}
		if f.Provider != "" {
			args = append([]any{"provider", f.Provider}, args...)
		}
		l.out.Warn(event, append(args, more...)...)
	}
	for _, f := range now {
		if !among(before, f) {
			say("freeze begins", f, "until", f.Until)
		}
	}
	for _, f := range before {
		if !among(now, f) {
			say("freeze ends", f)
		}
	}
	l.frozen[cluster] = now
}

// accessURL logs each phase that a change of the access URL comes to, and when it does not go on as before.
func (l *Log) accessURL(r reconcile.Report) {
	was, is := AccessURL(l.last), AccessURL(r)
	switch {
	case is.Phase == was.Phase && is.Previous == was.Previous:
	case is.Previous == "":
		l.out.Info("access URL has changed", "revision", short(r.Commit.SHA), "to", is.URL)
	default:
		l.out.Info("access URL changes", "revision", short(r.Commit.SHA), "from", is.Previous, "to", is.URL,
			"phase", is.Phase, "back", is.Back, "evidence", is.Line())
	}
	lost := func(r reconcile.Report) string {
		if r.Plan.URL == nil || r.Plan.URL.Phase == reconcile.PhaseRetirable {
			return ""
		}
		return r.Live.URLs[r.Plan.URL.From].Err
	}
	if why := lost(r); why != "" && lost(l.last) == "" {
		l.out.Error("the previous access URL does not answer", "revision", short(r.Commit.SHA), "url", is.Previous, "reason", clean(why))
	}
}

func (l *Log) providers(r reconcile.Report) {
	now, gone := l.history.next(r)
	for _, c := range now {
		if c.is() {
			l.change(c, short(r.Commit.SHA))
		}
		l.holds(c, short(r.Commit.SHA))
	}
	for _, p := range gone {
		l.out.Info("provider is gone", "provider", p.Name, "cluster", p.Cluster, "revision", short(r.Commit.SHA))
	}
}

func (l *Log) change(c change, revision string) {
	say := l.out.Info
	switch {
	case c.Status == Error:
		say = l.out.Error
	case c.Status == Ready && c.before.Name == "":
		say = l.out.Debug // it was so before we came
	}
	say("provider is "+c.Label(), "provider", c.Name, "cluster", c.Cluster, "was", c.before.Label(),
		"revision", revision, "reason", c.Message)
}

// holds logs holds that came up and that ended, of those that need more than time. What is unknown of a
// cluster that cannot be reached was said of the cluster.
func (l *Log) holds(c change, revision string) {
	silent := func(h Hold) bool { return h.Class == reconcile.Progress || h.Reason == reconcile.Unknown }
	for _, h := range c.Holds {
		if !silent(h) && !slices.Contains(c.before.Holds, h) {
			l.out.Warn("provider is held", "provider", c.Name, "cluster", c.Cluster, "hold", string(h.Reason),
				"revision", revision, "reason", h.Message)
		}
	}
	for _, h := range c.before.Holds {
		still := func(o Hold) bool { return o.Reason == h.Reason && o.Organization == h.Organization }
		if !silent(h) && !slices.ContainsFunc(c.Holds, still) {
			l.out.Info("provider is not held any more", "provider", c.Name, "cluster", c.Cluster,
				"hold", string(h.Reason), "revision", revision)
		}
	}
}

// Done logs how an action ended. What somebody else was faster at, or stopped, is no event:
// it is looked at anew.
func (l *Log) Done(o reconcile.Outcome) {
	a := o.Action
	args := []any{
		"op", a.Op, "kind", a.ID.Kind, "name", a.ID.Namespace + "/" + a.ID.Name, "cluster", a.ID.Cluster,
		"provider", a.Provider, "reason", a.Reason, "revision", short(a.Commit.SHA), "took", o.Took.Round(time.Millisecond),
	}
	switch {
	case o.Stopped():
	case o.Err != nil:
		l.out.Error("action failed", append(args, "error", clean(o.Err.Error()))...)
	default:
		l.out.Info("action done", append(args, "message", clean(a.Message))...)
		for _, d := range putBack(a) {
			l.out.Info("edit undone", "cluster", a.ID.Cluster, "provider", a.Provider, "name", a.ID.Namespace+"/"+a.ID.Name,
				"object", d.Object, "field", d.Field, "by", clean(d.By))
		}
	}
}

// putBack are the edits by hand that a repair has undone.
func putBack(a reconcile.Action) []reconcile.Drift {
	if a.Op != reconcile.OpRepair {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.Have.Drift), func(d reconcile.Drift) bool { return d.Contested })
}
