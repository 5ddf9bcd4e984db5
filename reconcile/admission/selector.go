package admission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// selected writes selectors as a CEL expression about the labels l: whether any of them matches.
func selected(selectors []string) (string, error) {
	var either []string
	for _, selector := range slices.Sorted(slices.Values(selectors)) {
		var all []string
		if err := each(selector, func(r labels.Requirement) { all = append(all, required(r)) }); err != nil {
			return "", err
		}
		if len(all) > 0 { // an empty selector would match everything, which strict is for
			either = append(either, strings.Join(all, " && "))
		}
	}
	if len(either) == 0 {
		return "false", nil
	}
	return strings.Join(either, " || "), nil
}

// each calls do with every requirement of a selector.
func each(selector string, do func(labels.Requirement)) error {
	requirements, err := labels.ParseToRequirements(selector)
	if err != nil {
		return fmt.Errorf("reading label selector %q: %w: write one such as app=web or app in (web, api)", selector, err)
	}
	for _, r := range requirements {
		do(r)
	}
	return nil
}

// required writes one requirement of a selector. As in Kubernetes, what is not there is not equal.
func required(r labels.Requirement) string {
	key, values := quote(r.Key()), slices.Sorted(slices.Values(r.ValuesUnsorted()))
	has, value := key+" in l", "l["+key+"]"
	switch r.Operator() {
	case selection.Exists:
		return has
	case selection.DoesNotExist:
		return "!(" + has + ")"
	case selection.NotIn, selection.NotEquals:
		return "!(" + has + " && " + value + " in " + list(values) + ")"
	case selection.GreaterThan:
		return has + " && " + number(value, ">", values[0])
	case selection.LessThan:
		return has + " && " + number(value, "<", values[0])
	}
	return has + " && " + value + " in " + list(values)
}

// number compares a label that is a number; any other is neither more nor less.
func number(value, sign, than string) string {
	return value + `.matches("^[0-9]{1,18}$") && int(` + value + ") " + sign + " int(" + quote(than) + ")"
}

// quote writes a text as a CEL literal: what Go escapes, CEL reads.
func quote(text string) string { return strconv.QuoteToASCII(text) }

// list writes texts as a CEL list.
func list(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = quote(text)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
