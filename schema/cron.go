package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// checkCron wants a schedule as cron(5) has it: numbers, names, lists, ranges and steps.
func checkCron(s string) string {
	fields := [...]struct {
		name     string
		from, to int
		names    string // three letters each, the lower bound first
	}{
		{"minute", 0, 59, ""},
		{"hour", 0, 23, ""},
		{"day of the month", 1, 31, ""},
		{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
		{"day of the week", 0, 7, "sunmontuewedthufrisat"},
	}
	for i, field := range strings.Fields(s) {
		f := fields[i]
		for _, part := range strings.Split(field, ",") {
			if !cronPart(part, f.from, f.to, f.names) {
				return fmt.Sprintf("found a schedule whose %s is wrong: must be *, "+
					"or numbers from %d to %d, such as 1,3 or 8-17 or */2", f.name, f.from, f.to)
			}
		}
	}
	return ""
}

// cronPart tells whether part is "*", "a" or "a-b", with or without a step "/n".
func cronPart(part string, from, to int, names string) bool {
	span, step, stepped := strings.Cut(part, "/")
	if stepped {
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 || n > to {
			return false
		}
	}
	if span == "*" {
		return true
	}
	first, last, ranged := strings.Cut(span, "-")
	a := cronNumber(first, from, names)
	b := a
	if ranged {
		b = cronNumber(last, from, names)
	}
	return from <= a && a <= b && b <= to && (ranged || !stepped)
}

// cronNumber reads a number or a name; -1 for anything else.
func cronNumber(s string, from int, names string) int {
	if i := strings.Index(names, strings.ToLower(s)); len(s) == 3 && i >= 0 && i%3 == 0 {
		return from + i/3
	}
	n, err := strconv.Atoi(s)
	if err != nil || strings.HasPrefix(s, "+") {
		return -1
	}
	return n
}
