package admission

import (
	_ "embed"
	"maps"
	"slices"
	"strconv"
	"strings"

	registration "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/workspace-providers/reconcile/reconcile"
)

//go:embed policy.cel
var policyText string

// variables are the steps from a request to the verdict on it, which is empty or why it is refused.
func (g Guard) variables() ([]registration.Variable, error) {
	r := g.Recognition
	environment, err := selected(r.Selectors)
	if err != nil {
		return nil, err
	}
	keys, err := recognising(r)
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer(
		"MARKS_BEFORE", marks("b", keys),
		"MARKS", marks("l", keys),
		"KEYS", list(keys),
		"SELECTED", "("+environment+")",
		"STRICT", strconv.FormatBool(r.Strict),
		"TRUSTED", list(g.trusted()),
		"ID_LABEL", quote(r.IDLabel),
		"ORGANIZATION_LABEL", quote(r.OrganizationLabel),
		"PROBE_LABEL", quote(LabelProbe),
		"PROBE_SHARD", quote(annotationShard),
		"GUARD", quote(g.Name()),
		"PROVIDER", quote("workspace provider "+g.Provider),
	)
	var out []registration.Variable
	for _, paragraph := range paragraphs() {
		name, expression, _ := strings.Cut(paragraph, ": ")
		out = append(out, registration.Variable{Name: name, Expression: fill.Replace(expression)})
	}
	return out, nil
}

// paragraphs are those of the policy, without comments and white space.
func paragraphs() []string {
	var out []string
	for paragraph := range strings.SplitSeq(policyText, "\n\n") {
		var lines []string
		for line := range strings.Lines(paragraph) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines = append(lines, line)
			}
		}
		if len(lines) > 0 {
			out = append(out, strings.Join(lines, "\n"))
		}
	}
	return out
}

// marks writes which of the recognising labels a map of labels has, as a list of "key=value".
func marks(of string, keys []string) string {
	return list(keys) + ".filter(k, k in " + of + `).map(k, k + "=" + ` + of + "[k])"
}

// recognising are the keys of labels that tell an environment and whose it is, sorted. What tells who has it
// is not among them: one that was made in advance must be able to get an owner.
func recognising(r reconcile.Recognition) ([]string, error) {
	keys := map[string]bool{}
	for _, selector := range r.Selectors {
		if err := each(selector, func(q labels.Requirement) { keys[q.Key()] = true }); err != nil {
			return nil, err
		}
	}
	if err := each(r.Prebuilt, func(q labels.Requirement) { delete(keys, q.Key()) }); err != nil {
		return nil, err
	}
	delete(keys, r.OwnerLabel)
	keys[r.IDLabel], keys[r.OrganizationLabel] = true, true
	for _, match := range r.Organizations {
		for key := range match.Labels {
			keys[key] = true
		}
	}
	delete(keys, "")
	return slices.Sorted(maps.Keys(keys)), nil
}
