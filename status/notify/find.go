package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// Keys of incidents that there is one of.
const (
	keyDeclarations = "error/declarations"
	keyRepository   = "error/repository"
	keyHalted       = "halted"
)

// look is what one report says of incidents.
type look struct {
	found     map[string]Incident
	report    *reconcile.Report
	providers map[string]status.Provider
}

// find reads off a report what is wrong now.
func find(r *reconcile.Report) look {
	l := look{found: map[string]Incident{}, report: r, providers: map[string]status.Provider{}}
	l.source()
	if r.Commit.SHA == "" {
		return l
	}
	for _, c := range r.Plan.Clusters {
		l.cluster(c.Name)
	}
	halted := map[string]string{} // by provider: why
	for _, p := range status.Providers(*r) {
		l.providers[p.Name] = p
		if l.answers(p.Cluster) {
			l.provider(p, halted)
		}
	}
	l.halted(halted)
	return l
}

func (l *look) add(i Incident) {
	i.Revision = l.report.Commit.SHA
	l.found[i.Key] = i
}

// source is about where the declarations come from.
func (l *look) source() {
	if err := l.report.FetchErr; err != nil {
		l.add(Incident{
			Key: keyRepository, Event: Error, Title: "the repository cannot be read", Message: words(err.Error()),
			Over: "the repository can be read again",
		})
	}
	if err := l.report.HeadErr; err != nil {
		l.add(Incident{
			Key: keyDeclarations, Event: Error, Title: fmt.Sprintf("revision %.7s is not in force", l.report.Head.SHA),
			Message: words(err.Error()), Over: "the newest revision is in force again",
		})
	}
}

// cluster is about whether a cluster answers, and about what somebody stopped there.
func (l *look) cluster(name string) {
	live := l.report.Live.Clusters[name]
	if live.Err != "" && !live.Reachable {
		l.add(Incident{
			Key: "error/cluster/" + name, Event: Error, Cluster: name, Title: "cluster " + name + " cannot be reached",
			Message: words(live.Err), Over: "cluster " + name + " answers again",
		})
	}
	if !live.Reachable {
		return
	}
	for _, f := range live.Freezes {
		if !f.Until.After(l.report.Live.At) {
			continue
		}
		scope := status.Freeze{Provider: f.Provider, Deletes: f.Deletes}.Scope()
		l.add(Incident{
			Key: "frozen/" + name + "/" + scope, Event: Frozen, Cluster: name, Provider: f.Provider,
			Title:   fmt.Sprintf("cluster %s: %s frozen until %s", name, scope, f.Until.UTC().Format("2006-01-02 15:04 UTC")),
			Message: words(fmt.Sprintf("%s (%s)", f.Reason, f.By)), Over: fmt.Sprintf("cluster %s: %s not frozen any more", name, scope),
		})
	}
}

// provider is about one provider in a cluster that answers.
func (l *look) provider(p status.Provider, halted map[string]string) {
	name := p.Cluster + "/" + p.Name
	if p.Status == status.Error {
		l.add(Incident{
			Key: "error/provider/" + p.Name, Event: Error, Provider: p.Name, Cluster: p.Cluster,
			Title: name + " is in Error", Message: words(p.Message), Over: name + " is well again",
		})
	}
	for _, h := range p.Holds {
		switch {
		case h.Class != reconcile.Person:
		case h.Reason == reconcile.Halted:
			halted[name] = h.Message
		default:
			key := strings.Join([]string{"hold", p.Name, string(h.Reason), h.Organization}, "/")
			l.add(Incident{
				Key: key, Event: Hold, Provider: p.Name, Cluster: p.Cluster,
				Title: fmt.Sprintf("%s waits for somebody: %s", name, h.Reason), Message: words(h.Message),
				Over: fmt.Sprintf("%s does not wait any more: %s", name, h.Reason),
			})
		}
	}
}

// halted is one incident, however many wait for the same.
func (l *look) halted(all map[string]string) {
	if len(all) == 0 {
		return
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	l.add(Incident{
		Key: keyHalted, Event: Halted, Title: fmt.Sprintf("the rollout is halted before %s", several(names)),
		Message: words(all[names[0]]), Over: "the rollout goes on",
	})
}

// several names a few and counts the rest.
func several(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// answers says whether what is seen of a cluster is how it is.
func (l *look) answers(cluster string) bool {
	c := l.report.Live.Clusters[cluster]
	return c.Looked && c.Reachable
}

// over says whether an incident that was not found has ended: it is known to be well, not merely not seen.
func (l *look) over(i Incident) bool {
	_, there := l.found[i.Key]
	switch {
	case there:
		return false
	case i.Key == keyRepository, i.Key == keyDeclarations:
		return l.report.Head.SHA != ""
	case l.report.Commit.SHA == "":
		return false
	case i.Key == keyHalted:
		return l.allAnswer()
	case i.Event == Frozen:
		return l.gone(i.Cluster) || l.answers(i.Cluster)
	case i.Provider == "":
		return l.gone(i.Cluster) || l.report.Live.Clusters[i.Cluster].Reachable
	}
	return l.settled(i)
}

// settled says whether an incident of a provider is over. What is tried again is not well yet.
func (l *look) settled(i Incident) bool {
	p, there := l.providers[i.Provider]
	if !there {
		return l.allAnswer()
	}
	return l.answers(p.Cluster) && (i.Event != Error || p.Status == status.Ready)
}

// gone says whether a cluster does not matter any more.
func (l *look) gone(cluster string) bool {
	return !slices.ContainsFunc(l.report.Plan.Clusters, func(c reconcile.ClusterState) bool { return c.Name == cluster })
}

// allAnswer says whether every cluster is seen as it is.
func (l *look) allAnswer() bool {
	return !slices.ContainsFunc(l.report.Plan.Clusters, func(c reconcile.ClusterState) bool { return !l.answers(c.Name) })
}

// longest is how much of a message is told: the pages have all of it.
const longest = 500

// words makes a message one line of readable length.
func words(s string) string {
	line := []rune(strings.Join(strings.Fields(s), " "))
	if len(line) > longest {
		return string(line[:longest-1]) + "…"
	}
	return string(line)
}
