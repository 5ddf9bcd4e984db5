package status

import (
	"fmt"
	"slices"
	"strings"
)

// MaxPast is how many revisions before our time are looked at for what was left pending there.
const MaxPast = 20

// lookBack has revisions before our time looked at, newest first, until one is found that was told to its
// end: one that was overtaken while nobody ran would be pending for ever. What is to stand there is unsure
// until it is known what does.
func (b *book) lookBack(revisions []string, context string) {
	for _, sha := range revisions[:min(len(revisions), MaxPast)] {
		if slices.Contains(b.order, sha) {
			continue
		}
		b.past = append(b.past, sha)
		b.order = slices.Insert(b.order, 0, sha) // the oldest stands first
		b.want[place{sha, context}] = superseded(Line{SHA: sha, Context: context, Unsure: true}, b.commit)
	}
}

// closePast closes what stands pending on a revision before our time, and ends the look back where nothing
// of what we say stands pending: whoever told that closed what came before.
func (b *book) closePast(sha string, stand []Line) {
	told, pending := false, false
	for _, l := range stand {
		if !b.ours(l) {
			continue
		}
		told = true
		if l.State != StatePending {
			continue
		}
		pending = true
		_, _ = fmt.Sscanf(l.Text, "%d of %d ", &l.Done, &l.Total) // a text without counts goes without
		b.want[place{sha, l.Context}] = superseded(l, b.commit)
	}
	if told && !pending {
		for _, older := range b.past[slices.Index(b.past, sha)+1:] {
			b.drop(older)
		}
		b.past = nil
	}
}

// ours says whether a line on a revision before our time is what this deployment says of applying it.
func (b *book) ours(l Line) bool {
	for at := range b.want {
		if at.sha == l.SHA && (l.Context == at.context || strings.HasPrefix(l.Context, at.context+"/")) {
			return true
		}
	}
	return false
}
