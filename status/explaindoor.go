package status

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// explainDoor says who may come in, how that is enforced, and how they are recognised.
func explainDoor(b *strings.Builder, p Provider, want reconcile.ProviderWant) {
	if !p.Declared && p.Enforcement.Mode == reconcile.EnforceOff && len(p.Closed) == 0 {
		return
	}
	var names []string
	for _, name := range p.Organizations {
		if until, ends := want.Until[name]; ends {
			name += " until " + clock(until)
		}
		names = append(names, name)
	}
	fmt.Fprintf(b, "who may come in: %s\n", cmp.Or(strings.Join(names, ", "), "nobody"))
	for _, name := range p.Closed {
		fmt.Fprintf(b, "  the door is closed to %s, which stays on the allowlist while it has environments\n", name)
	}
	if p.Cordoned != "" {
		fmt.Fprintf(b, "  cordoned, nobody may: %s\n  → %s\n", clean(p.Cordoned), adviceFor(reconcile.Cordoned))
	}
	fmt.Fprintf(b, "  enforcement is %s: %s", cmp.Or(string(p.Enforcement.Mode), "not known"), effect(p.Enforcement.Mode))
	if d := p.Enforcement.Declared; d != "" && d != p.Enforcement.Mode {
		fmt.Fprintf(b, "; %s is declared", d)
	}
	if why := p.Enforcement.Reason; why != "" {
		fmt.Fprintf(b, " (%s)", why)
	}
	b.WriteString("\n")
	explainRecognition(b, p, want)
}

// effect is what an enforcement does to somebody who is not allowed.
func effect(mode reconcile.Enforcement) string {
	switch mode {
	case reconcile.Enforce:
		return "a new environment of anybody else is refused"
	case reconcile.EnforceAudit:
		return "whoever else creates one is warned, and the audit log has it"
	case reconcile.EnforceOff:
		return "nobody is kept out"
	}
	return "nobody could ask"
}

// explainRecognition says how the environments of those who may come in are told apart.
func explainRecognition(b *strings.Builder, p Provider, want reconcile.ProviderWant) {
	if want.Admission == nil {
		return
	}
	r := want.Admission.Recognition
	for _, name := range p.Organizations {
		match, how := r.Organizations[name], recognition(r, name)
		switch {
		case how == "" && p.Enforcement.Mode == reconcile.EnforceAudit:
			continue // that is why
		case how == "":
			how = "nothing: say how in organizations: match"
		case match.Forgeable():
			how += "; anybody can claim that"
		}
		fmt.Fprintf(b, "  %s is recognised by %s\n", name, how)
	}
}

// maxNamed bounds how many environments are named.
const maxNamed = 10

// explainPeople says who is there.
func explainPeople(b *strings.Builder, p Provider, r reconcile.Report) {
	if !p.Counted {
		b.WriteString("environments: not counted\n")
		return
	}
	fmt.Fprintf(b, "environments: %s\n", everybody(p.Environments))
	for _, h := range p.Environments {
		if h.Organization != "" {
			fmt.Fprintf(b, "  %s: %s\n", h.Organization, h)
		}
	}
	explainForeign(b, r.Live.Clusters[p.Cluster].Environments[p.Name])
	if d := p.Drain; d != nil && d.Left == 0 {
		b.WriteString("  it is drained: nobody is left\n")
	} else if d != nil {
		fmt.Fprintf(b, "  it is draining: %s left\n", count(d.Left, "environment"))
	}
}

// explainForeign names those of which nobody knows whose they are.
func explainForeign(b *strings.Builder, all []reconcile.Environment) {
	var names []string
	for _, e := range all {
		if e.Organization == "" && !e.Prebuilt {
			names = append(names, clean(e.String()))
		}
	}
	if len(names) == 0 {
		return
	}
	more := ""
	if len(names) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(names)-maxNamed)
		names = names[:maxNamed]
	}
	fmt.Fprintf(b, "  it is not known whose they are: %s%s\n  → %s\n", strings.Join(names, ", "), more,
		adviceFor(reconcile.Unrecognised))
}

// explainFreezes says what is stopped, and how to go on.
func explainFreezes(b *strings.Builder, p Provider) {
	for _, f := range p.Freezes {
		fmt.Fprintf(b, "frozen: %s\n  → it ends by itself; `%s` ends it now\n", f, f.Thaw(p.Cluster))
	}
}

// driftText says what was edited. What guards a provider says it in its own words.
func driftText(a reconcile.Action, d reconcile.Drift) string {
	if a.ID.Kind != reconcile.KindRelease {
		return driftName(d)
	}
	return fmt.Sprintf("%s %s: %s", d.Object, d.Field, clean(d.Message))
}
