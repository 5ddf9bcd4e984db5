package git

import (
	"bytes"

	"github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// What a file may have that is merged line by line: comparing texts takes as long as the product of their lines at worst.
const (
	maxMergedBytes = 512 << 10
	maxMergedLines = 8_000
)

// splitLines keeps the ends of lines.
func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last]
	}
	return lines
}

// matches says for each line of a text where it is in another, -1 where it is not; the numbers grow.
func matches(from, to []byte) []int {
	var out []int
	at := 0
	for _, d := range diff.Do(string(from), string(to)) {
		for range splitLines([]byte(d.Text)) {
			switch d.Type {
			case diffmatchpatch.DiffEqual:
				out = append(out, at)
				at++
			case diffmatchpatch.DiffDelete:
				out = append(out, -1)
			case diffmatchpatch.DiffInsert:
				at++
			}
		}
	}
	return out
}
