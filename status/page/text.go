package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// functions are what templates call.
var functions = template.FuncMap{
	"short": short, "clock": clock, "cut": cut, "dash": dash, "took": took, "count": count,
	"slug": slug, "states": func() []status.WaveState { return status.WaveStates }, "percent": percent, "ms": ms,
	"needsPerson": func(c reconcile.Class) bool { return c == reconcile.Person }, "path": url.PathEscape,
	"statuses": func() []status.Status { return status.Statuses }, "quote": quote, "pair": func(a, b any) []any { return []any{a, b} },
}

// sections are the pages that others lead to for who sees everything, and for members.
var (
	sections = map[string]string{
		"/": "Providers", "/clusters": "Clusters", "/organizations": "Organizations", "/revisions": "Revisions", "/rollout": "Rollout",
	}
	memberSections = map[string]string{"/": "Providers", "/organizations": "Organizations"}
)

// short is the part of a revision that people read.
func short(revision string) string {
	if dir, is := strings.CutPrefix(revision, "dir:"); is {
		return "dir:" + short(dir)
	}
	return revision[:min(len(revision), 7)]
}

// clock writes a time as people read it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// cut shortens a text to n characters.
func cut(n int, s string) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// dash stands for what there is nothing of.
func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// took writes seconds as people read them.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// ms writes a latency.
func ms(seconds float64) string {
	if seconds == 0 {
		return "–"
	}
	return "≤ " + time.Duration(seconds*float64(time.Second)).Round(time.Millisecond).String()
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// slug is the class of a status or state in the style: "Ready (unverified)" is "ready".
func slug(v any) string {
	word, _, _ := strings.Cut(fmt.Sprint(v), " ")
	return "s-" + strings.ToLower(word)
}

// percent is a part of a whole, for a bar.
func percent(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return 100 * part / whole
}

// quote writes a word for a shell.
func quote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
