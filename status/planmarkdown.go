package status

import (
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// PlanMarkdown writes a plan as a comment for a forge: a table for each cluster, with diffs to unfold.
func PlanMarkdown(p reconcile.Plan, verbose bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Plan for %s: %s\n", code(short(p.Revision)), planSummary(p))
	if line := changeDoc(p.URL).Line(); line != "" {
		b.WriteString("\n" + escape(line) + "\n")
	}
	byCluster := listed(p, verbose)
	for _, c := range clustersOf(p) {
		actions := byCluster[c.Name]
		if c.Reachable && len(actions) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n#### Cluster %s\n", code(c.Name))
		if !c.Reachable {
			fmt.Fprintf(&b, "\n**%s**\n", escape(unreached(c)))
		}
		markdownTable(&b, actions)
		for _, a := range actions {
			markdownDetails(&b, a)
		}
	}
	fmt.Fprintf(&b, "\n<sub>%s</sub>\n", p.Hash())
	return b.String()
}

const markdownHead = "\n| op | what | reason | message |\n|---|---|---|---|\n"

func markdownTable(b *strings.Builder, actions []reconcile.Action) {
	for i, row := range markdownRows(actions) {
		if i == 0 {
			b.WriteString(markdownHead)
		}
		b.WriteString(row)
	}
}

// markdownRows are the rows of a table, a line each.
func markdownRows(actions []reconcile.Action) []string {
	var out []string
	for _, a := range actions {
		var parts []string
		if a.Message != "" {
			parts = append(parts, escape(clean(a.Message)))
		}
		if todo := advice(a); needsMore(a) && todo != "" {
			parts = append(parts, "→ "+escape(todo))
		}
		if a.Waits != "" {
			parts = append(parts, "after "+escape(a.Waits))
		}
		for _, risk := range a.Risks {
			parts = append(parts, "risk: "+escape(clean(risk)))
		}
		message := strings.Join(parts, "<br>")
		out = append(out, fmt.Sprintf("| %s | %s | %s | %s |\n", a.Op, code(actionName(a)), escape(actionReason(a)), message))
	}
	return out
}

func markdownDetails(b *strings.Builder, a reconcile.Action) {
	if a.Diff == "" {
		return
	}
	fence := "```"
	for strings.Contains(a.Diff, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n<details><summary>%s %s</summary>\n\n%sdiff\n", a.Op, escape(actionName(a)), fence)
	for line := range strings.Lines(a.Diff) {
		b.WriteString(diffLine(line) + "\n")
	}
	fmt.Fprintf(b, "%s\n\n</details>\n", fence)
}

// code writes a text as code that nothing in it can leave.
func code(s string) string {
	return "`" + strings.NewReplacer("`", "'", "|", "\\|").Replace(clean(s)) + "`"
}

// escape takes from a text what Markdown, HTML and forges read as more than text: markup, links, mentions.
func escape(s string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`",
		"[", "\\[", "]", "\\]", "#", "\\#", "~", "\\~", "@", "@\u200b",
	).Replace(s)
}
