package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// ProposalMarkdown writes the comment on a pull request: what it means in the words of the domain, the plan for each
// cluster, its risks and its hash. It has at most max bytes; what does not fit is counted, and the page named, where
// there is one.
func ProposalMarkdown(p reconcile.Proposal, page string, max int) string {
	out := piece{left: max - 400} // for the end
	out.add(ProposalMark(p) + "\n" + proposalTitle(p) + "\n")
	for _, why := range movedLines(p) {
		out.add(why)
	}
	if p.Err != nil {
		proposalErrors(&out, p)
	} else {
		proposalPlan(&out, p)
	}
	if out.skipped > 0 {
		rest := fmt.Sprintf("\n_%s not shown: the comment would be too long._", count(out.skipped, "part"))
		if page != "" {
			rest += " [All of it](" + page + ")"
		}
		out.text.WriteString(rest + "\n")
	}
	if p.Err == nil && p.Stage == reconcile.Planned {
		fmt.Fprintf(&out.text, "\n<sub>%s into %s, %s</sub>\n", code(short(p.Request.Head)), code(short(p.Base.SHA)), p.Plan.Hash())
	}
	return out.text.String()
}

// piece is a text that grows as long as there is room.
type piece struct {
	text    strings.Builder
	left    int
	skipped int
}

// add appends a part if it fits.
func (p *piece) add(part string) {
	if len(part) > p.left {
		p.skipped++
		return
	}
	p.left -= len(part)
	p.text.WriteString(part)
}

func proposalTitle(p reconcile.Proposal) string {
	into := code(p.Request.Base)
	switch {
	case p.Stage == reconcile.Unplanned:
		return "### Not planned"
	case p.Err != nil:
		return "### Cannot be merged into " + into + " as it is"
	case len(p.Failed) > 0:
		return "### Merged into " + into + ", this would fail"
	}
	return "### Merged into " + into + ": " + wouldDo(p.Plan)
}

// movedLines say why the plan was made anew.
func movedLines(p reconcile.Proposal) []string {
	if len(p.Moved) == 0 {
		return nil
	}
	out := []string{fmt.Sprintf("\nMade anew at %s, since the plan that was shown before does not hold any more:\n", clock(p.At))}
	for i, why := range p.Moved {
		if i == maxListed {
			out = append(out, fmt.Sprintf("- and %d more\n", len(p.Moved)-maxListed))
			break
		}
		out = append(out, "- "+escape(clean(why))+"\n")
	}
	return out
}

// maxListed bounds lists that a reader should be able to take in.
const maxListed = 20

// proposalErrors lists what is wrong, a line each.
func proposalErrors(out *piece, p reconcile.Proposal) {
	out.add("\n")
	for line := range strings.Lines(p.Err.Error()) {
		if line = clean(line); line != "" {
			out.add("- " + escape(line) + "\n")
		}
	}
}

// proposalPlan writes what it means, then a table for each cluster, then the diffs.
func proposalPlan(out *piece, p reconcile.Proposal) {
	out.add("\n")
	for _, line := range ProposalSummary(p) {
		out.add("- " + escape(line) + "\n")
	}
	byCluster := listed(p.Plan, false)
	for _, c := range clustersOf(p.Plan) {
		if c.Reachable && len(byCluster[c.Name]) == 0 {
			continue
		}
		out.add("\n#### Cluster " + code(c.Name) + "\n")
		if !c.Reachable {
			out.add("\n**" + escape(unreached(c)) + "**\n")
		}
		for i, row := range markdownRows(byCluster[c.Name]) {
			if i == 0 {
				out.add(markdownHead)
			}
			out.add(row)
		}
	}
	for _, c := range clustersOf(p.Plan) {
		for _, a := range byCluster[c.Name] {
			if err := p.Failed[a.ID]; err != nil {
				out.add("\n" + code(a.ID.String()) + " cannot be carried out: " + escape(clean(err.Error())) + "\n")
			}
			var details strings.Builder
			markdownDetails(&details, a)
			out.add(details.String())
		}
	}
}

// ProposalSummary says what merging a pull request means in the words of the domain, a line each: who gains and loses
// which provider, which are new, go, or change, where the access URL changes, what is held and why.
func ProposalSummary(p reconcile.Proposal) []string {
	var out []string
	before, after := p.Before.Providers, p.Want.Providers
	for _, name := range slices.Sorted(maps.Keys(union(before, after))) {
		was, had := before[name]
		now, has := after[name]
		switch {
		case !had:
			out = append(out, fmt.Sprintf("provider %s is new, in cluster %s", name, now.Cluster))
		case !has:
			out = append(out, fmt.Sprintf("provider %s is taken away from cluster %s", name, was.Cluster))
		default:
			out = append(out, changesOf(name, was, now)...)
		}
		out = append(out, access(name, was.Allowed(p.Live.At), now.Allowed(p.Live.At))...)
	}
	out = append(out, contents(p)...)
	out = append(out, urlChange(p)...)
	out = append(out, heldLines(p.Plan)...)
	if len(out) == 0 {
		return []string{"nothing that is declared changes"}
	}
	if extra := len(out) - 2*maxListed; extra > 0 {
		out = append(out[:2*maxListed], fmt.Sprintf("and %d more", extra))
	}
	return out
}

func union[T any](a, b map[string]T) map[string]bool {
	out := make(map[string]bool, len(a))
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}

// changesOf says what is declared otherwise of a provider as a whole.
func changesOf(name string, was, now reconcile.ProviderWant) []string {
	var out []string
	say := func(changed bool, format string, args ...any) {
		if changed {
			out = append(out, fmt.Sprintf("provider "+name+" "+format, args...))
		}
	}
	say(was.Cluster != now.Cluster, "moves from cluster %s to %s", was.Cluster, now.Cluster)
	say(was.Namespace != now.Namespace, "moves from namespace %s to %s", was.Namespace, now.Namespace)
	say(now.Default && !was.Default, "becomes the default")
	say(was.Cordoned == "" && now.Cordoned != "", "is cordoned: %s", now.Cordoned)
	say(was.Cordoned != "" && now.Cordoned == "", "is not cordoned any more")
	say(was.Suspended == "" && now.Suspended != "", "is suspended: %s", now.Suspended)
	say(was.Suspended != "" && now.Suspended == "", "is not suspended any more")
	say(was.Deletion != now.Deletion, "has the deletion policy %s, not %s any more", policy(now.Deletion), policy(was.Deletion))
	if a, b := mode(was), mode(now); a != b {
		say(true, "has its allowlist enforced: %s, not %s any more", b, a)
	}
	return out
}

func policy(p reconcile.Policy) reconcile.Policy { return cmp.Or(p, reconcile.Block) }

func mode(p reconcile.ProviderWant) reconcile.Enforcement {
	if p.Admission == nil {
		return reconcile.EnforceOff
	}
	return p.Admission.Mode
}

// access says who gains and loses a provider.
func access(provider string, was, now []string) []string {
	var out []string
	for _, organization := range now {
		if !slices.Contains(was, organization) {
			out = append(out, fmt.Sprintf("organization %s gains provider %s", organization, provider))
		}
	}
	for _, organization := range was {
		if !slices.Contains(now, organization) {
			out = append(out, fmt.Sprintf("organization %s loses provider %s", organization, provider))
		}
	}
	return out
}

// contents says whose charts and values change.
func contents(p reconcile.Proposal) []string {
	before := map[reconcile.ID]reconcile.Item{}
	for _, it := range p.Before.Items {
		before[it.ID] = it
	}
	said := map[string]bool{}
	var out []string
	for _, it := range p.Want.Items {
		was, there := before[it.ID]
		if !there || was.Base == it.Base {
			continue
		}
		a, b := was.Release.Chart, it.Release.Chart
		line := fmt.Sprintf("provider %s gets other values", it.Provider)
		switch {
		case a.Name != b.Name || a.Version != b.Version:
			line = fmt.Sprintf("provider %s: chart %s %s → %s %s", it.Provider, a.Name, a.Version, b.Name, b.Version)
		case a.Digest != b.Digest:
			line = fmt.Sprintf("provider %s: chart %s %s has other content", it.Provider, b.Name, b.Version)
		case was.AccessURL != it.AccessURL && !it.OwnURL:
			continue // said once for all of them
		}
		if !said[line] {
			out = append(out, clean(line))
		}
		said[line] = true
	}
	return out
}

// urlChange says for how many providers the access URL changes, and in how many steps.
func urlChange(p reconcile.Proposal) []string {
	from, to := p.Before.AccessURL.URL, p.Want.AccessURL.URL
	if from == to || from == "" {
		return nil
	}
	providers, waves := map[string]bool{}, map[int]bool{}
	for _, it := range p.Want.Items {
		if !it.OwnURL {
			providers[it.Provider], waves[it.Wave] = true, true
		}
	}
	return []string{fmt.Sprintf("access URL changes from %s to %s for %s in %s", from, to,
		count(len(providers), "provider"), count(len(waves), "wave"))}
}

// heldLines say what waits for somebody, and why.
func heldLines(p reconcile.Plan) []string {
	var out []string
	for _, a := range p.Actions {
		if a.Op == reconcile.OpHold && a.Class == reconcile.Person {
			out = append(out, clean(fmt.Sprintf("held: %s in %s, %s: %s", actionName(a), a.ID.Cluster, a.Reason, a.Message)))
		}
	}
	return out
}
