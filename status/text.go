package status

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean makes a text fit for one line anywhere: tame, and runs of spaces one. What clusters and charts say
// is not ours.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Join(strings.Fields(tame(s)), " ")
}

// isClean says of most texts that are clean that they are. All there is to say of every provider is cleaned at each step.
func isClean(s string) bool {
	space := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && space {
			return false
		}
		space = s[i] == ' '
	}
	return !space || s == ""
}

// tame turns control characters, line breaks, and the marks that turn the direction of writing into spaces.
func tame(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// cut shortens a text to at most n characters; what was cut off is shown as "…".
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	return strings.TrimRight(string([]rune(s)[:n-1]), " ") + "…"
}

// fit puts a text and its tail into n characters; the text gives way before the tail does.
func fit(text, tail string, n int) string {
	room := max(n-utf8.RuneCountInString(tail), n/2)
	return cut(cut(text, room)+tail, n)
}

// placed puts where something is and why, and a tail, into n characters. The middle of the place gives way
// first, down to a third; then the end of the cause.
func placed(at, cause, tail string, n int) string {
	room := max(n-utf8.RuneCountInString(tail), n/2)
	left := room - utf8.RuneCountInString(": "+cause)
	return fit(cutMiddle(at, max(left, room/3))+": "+cause, tail, n)
}

// cutMiddle shortens a text to at most n characters, of which the first and the last say most.
func cutMiddle(s string, n int) string {
	all := []rune(s)
	if len(all) <= n {
		return s
	}
	head := (n - 1) / 2
	return string(all[:head]) + "…" + string(all[len(all)-(n-1-head):])
}

// firstLine is the first line of a text and the number of lines after it.
func firstLine(s string) (line string, more int) {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return clean(lines[0]), len(lines) - 1
}

// short is the part of a revision that people read: seven digits of a commit; a directory's hash likewise.
func short(revision string) string {
	if dir, found := strings.CutPrefix(revision, "dir:"); found {
		return "dir:" + short(dir)
	}
	return revision[:min(len(revision), 7)]
}

// clock writes a time as people read it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// count writes a number with its noun: "1 provider", "2 providers".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
