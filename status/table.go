package status

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Table writes providers for people, as reconcile status prints them: a line for each, its holds after its
// message. A dash stands for what there is nothing of.
func Table(providers []Provider) string {
	if len(providers) == 0 {
		return "no providers are declared\n"
	}
	var b strings.Builder
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "NAME\tCLUSTER\tNAMESPACE\tSTATUS\tVERSION\tALLOWLIST\tENVIRONMENTS\tMESSAGE")
	for _, p := range providers {
		name := p.Name
		if p.Default {
			name += " (default)"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", clean(name), dash(p.Cluster), dash(p.Namespace), p.Label(),
			dash(p.Version), dash(allowlist(p)), dash(people(p)), dash(remark(p)))
	}
	_ = out.Flush() // a strings.Builder takes everything
	return b.String()
}

// allowlist are the organizations that may come in, and those that may not any more.
func allowlist(p Provider) string {
	out := slices.Clone(p.Organizations)
	for _, name := range p.Closed {
		out = append(slices.DeleteFunc(out, func(o string) bool { return o == name }), name+" (closed)")
	}
	return strings.Join(out, ",")
}

// people is how many environments there are; empty while they were not counted.
func people(p Provider) string {
	if !p.Counted {
		return ""
	}
	return everybody(p.Environments).String()
}

// remark is a provider's message and what is held, nothing twice. Holds that end by time alone are in the
// message.
func remark(p Provider) string {
	var parts []string
	if p.Message != "" {
		parts = append(parts, clean(p.Message))
	}
	for _, h := range p.Holds {
		if h.Class == reconcile.Progress && h.Reason != reconcile.BackingOff {
			continue
		}
		said := h.Message != "" && strings.Contains(p.Message, h.Message)
		if said && h.Reason == reconcile.Unknown {
			continue
		}
		if said {
			h.Message = ""
		}
		if part := holdText(h); !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if _, told := p.reason(reconcile.Frozen); !told {
		for _, f := range p.Freezes {
			parts = append(parts, "frozen: "+f.String())
		}
	}
	return strings.Join(parts, "; ")
}

// holdText is a hold in a few words: "held: suspended (maintenance)".
func holdText(h Hold) string {
	text := "held: " + string(h.Reason)
	if h.Reason == reconcile.Cordoned {
		text = string(h.Reason)
	}
	if h.Message != "" {
		text += " (" + h.Message + ")"
	}
	return text
}

func dash(s string) string {
	if s = clean(s); s == "" {
		return "-"
	}
	return s
}
