package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Explain says in words why a provider is as it is, and what would change that. It fails for a provider
// that is neither declared nor there.
func Explain(r reconcile.Report, provider string) (string, error) {
	all := Providers(r)
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Name == provider })
	if i < 0 {
		return "", fmt.Errorf("explain %s: no such provider is declared or installed; there are: %s",
			clean(provider), names(all))
	}
	p := all[i]
	var b strings.Builder
	explainHead(&b, p)
	explainDoor(&b, p, r.Want.Providers[provider])
	explainPeople(&b, p, r)
	explainFreezes(&b, p)
	for _, rel := range p.Releases {
		explainRelease(&b, rel)
	}
	for _, a := range r.Plan.Actions {
		if a.Provider == provider {
			explainAction(&b, a)
		}
	}
	explainAccessURL(&b, r, provider)
	explainRevision(&b, r)
	return b.String(), nil
}

func names(all []Provider) string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.Name
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func explainHead(b *strings.Builder, p Provider) {
	fmt.Fprintf(b, "%s is %s", p.Name, p.Label())
	if !p.Since.IsZero() {
		fmt.Fprintf(b, " since %s", clock(p.Since))
	}
	if p.Message != "" {
		fmt.Fprintf(b, ": %s", p.Message)
	}
	fmt.Fprintf(b, "\n  in cluster %s, namespace %s\n", p.Cluster, dash(p.Namespace))
	if !p.Declared {
		b.WriteString("  it is not declared any more\n")
	}
	switch {
	case p.Status == Ready && p.Unverified && len(p.Releases) > 0:
		b.WriteString("  nothing is declared under ready that would prove that it works; its objects are healthy\n")
	case len(p.Releases) == 0 && p.Declared:
		b.WriteString("  it is part of the deployment: nothing is installed, and its cluster answers for it\n")
	}
}

func explainRelease(b *strings.Builder, rel Release) {
	name := rel.Namespace + "/" + rel.Name
	if rel.Organization != "" {
		name += " for " + rel.Organization
	}
	if rel.Revision == 0 {
		fmt.Fprintf(b, "release %s: not installed; %s %s is declared\n", name, dash(rel.Chart), dash(rel.Version))
		return
	}
	fmt.Fprintf(b, "release %s: %s, revision %d of %s %s, inputs %s\n", name, rel.Status, rel.Revision,
		dash(rel.Chart), dash(rel.Version), dash(rel.Digest))
	if rel.Message != "" {
		fmt.Fprintf(b, "  %s\n", rel.Message)
	}
}

func explainAction(b *strings.Builder, a reconcile.Action) {
	what := actionName(a)
	switch {
	case a.Op == reconcile.OpKeep && a.Reason == reconcile.HasFailed:
		fmt.Fprintf(b, "plan: %s is kept as it is: it carries what is declared, and does not work\n"+
			"  → change the declaration, or repair what its message names\n", what)
	case a.Op == reconcile.OpKeep:
		fmt.Fprintf(b, "plan: nothing to do for %s (%s)\n", what, a.Reason)
	case a.Op == reconcile.OpHold:
		fmt.Fprintf(b, "plan: %s is held: %s\n  → %s\n", what, why(a), advice(a))
	default:
		fmt.Fprintf(b, "plan: %s %s (%s)\n", a.Op, what, why(a))
	}
	for _, id := range waitsFor(a) {
		fmt.Fprintf(b, "  after %s\n", id)
	}
	if a.Waits != "" {
		fmt.Fprintf(b, "  after %s\n", a.Waits)
	}
	for _, d := range a.Have.Drift {
		fmt.Fprintf(b, "  edited by hand: %s\n", driftText(a, d))
	}
}

// explainAccessURL says which access URL a provider has while that changes.
func explainAccessURL(b *strings.Builder, r reconcile.Report, provider string) {
	doc := AccessURL(r)
	for _, u := range doc.Users {
		if u.Provider != provider || doc.Previous == "" {
			continue
		}
		fmt.Fprintf(b, "access URL: it changes from %s to %s (%s); this one has the %s one\n", doc.Previous, doc.URL, doc.Phase, u.which())
		if u.Moved && !u.Confirmed {
			fmt.Fprintf(b, "  not confirmed yet: %s\n", u.Message)
		}
	}
}

func why(a reconcile.Action) string {
	text := actionReason(a)
	if a.Message != "" {
		text += ": " + clean(a.Message)
	}
	return text
}

func explainRevision(b *strings.Builder, r reconcile.Report) {
	if r.Commit.SHA != "" {
		fmt.Fprintf(b, "revision in force: %s %s\n", short(r.Commit.SHA), clean(r.Commit.Subject))
	}
	if r.HeadErr != nil {
		line, _ := firstLine(r.HeadErr.Error())
		fmt.Fprintf(b, "the newest revision %s is not in force: %s\n", short(r.Head.SHA), line)
	}
	if r.FetchErr != nil {
		line, _ := firstLine(r.FetchErr.Error())
		fmt.Fprintf(b, "the repository cannot be read now: %s\n", line)
	}
}
