package schema

import (
	"fmt"
	"slices"
	"strings"
)

// quote writes a name for a message, cut where it is too long to be one.
func quote(name string) string {
	const most = 80
	if r := []rune(name); len(r) > most {
		name = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", name)
}

// join appends a field's name to a path; a name with odd characters is quoted.
func join(path, name string) string {
	odd := func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if name == "" || strings.ContainsFunc(name, odd) {
		name = quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// Path writes names as a path, as Config.Positions and Error have it; a name with other than letters, digits, - and _
// stands in quotes.
func Path(names ...string) string { return pathOf(names) }

// pathOf writes names as a path.
func pathOf(names []string) string {
	path := ""
	for _, n := range names {
		path = join(path, n)
	}
	return path
}

// didYouMean ends a message about an unknown name: with the one that is near, or else with all
// of them, if they are few.
func didYouMean(name string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	switch best := nearest(name, known); {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return "none is declared"
	case len(known) <= 12:
		return "known: " + strings.Join(known, ", ")
	}
	return "check its spelling"
}

// nearest is the known name that name is a misspelling of; empty when none is near.
func nearest(name string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(name, k); d < distance && 2*d < max(len(name), len(k)) {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that
// make b of a. It looks at no more than the first 64 bytes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// differ is the cost of putting b in the place of a.
func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
