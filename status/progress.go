package status

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Progress is a Reporter that shows work as it goes on: on a terminal a table that is drawn anew with each
// report, elsewhere one line for each change: "eu/frankfurt Pending → Ready (12s)".
type Progress struct {
	out  io.Writer
	size func() (width, height int) // of the terminal; zero: it is none

	mu      sync.Mutex // guards the rest
	history history
	drawn   int // lines of the table on the screen
}

// NewProgress shows progress on a writer. It is a terminal if the writer is a file that is one.
func NewProgress(out io.Writer) *Progress {
	p := &Progress{out: out, size: func() (int, int) { return 0, 0 }}
	if f, is := out.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		p.size = func() (int, int) {
			width, height, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return width, height
		}
	}
	return p
}

// Report shows a report.
func (p *Progress) Report(r reconcile.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, gone := p.history.next(r)
	if width, height := p.size(); width > 0 {
		p.draw(width, height)
		return
	}
	for _, c := range now {
		if c.is() {
			fmt.Fprintln(p.out, changeText(c))
		}
	}
	for _, g := range gone {
		fmt.Fprintf(p.out, "%s/%s gone\n", g.Cluster, g.Name)
	}
}

// changeText is a change in one line.
func changeText(c change) string {
	text := fmt.Sprintf("%s/%s ", c.Cluster, c.Name)
	switch before := c.before.Label(); before {
	case "":
		text += c.Label()
	case c.Label():
		text += "still " + c.Label()
	default:
		text += fmt.Sprintf("%s → %s (%s)", before, c.Label(), c.spent.Round(time.Second))
	}
	if remark := remark(*c.Provider); remark != "" {
		text += ": " + remark
	}
	return text
}

// draw replaces the table on the screen. What does not fit is counted.
func (p *Progress) draw(width, height int) {
	lines, sum := p.lines()
	if room := max(height-3, 1); len(lines) > room {
		sum = fmt.Sprintf("… and %s; %s", count(len(lines)-room, "more provider"), sum)
		lines = lines[:room]
	}
	lines = append(lines, sum)
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r" + cut(line, width-1) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	p.drawn = len(lines)
	_, _ = io.WriteString(p.out, b.String()) // a screen that went away is nobody's loss
}

// lines are the table: what is not Ready first, each part by name; and what comes below it.
func (p *Progress) lines() (lines []string, sum string) {
	all := slices.Clone(p.history.last)
	slices.SortStableFunc(all, func(a, b seen) int { return rank(b.Status) - rank(a.Status) })
	name, label, ready := 0, 0, 0
	for _, one := range all {
		name = max(name, len(one.Cluster+"/"+one.Name))
		label = max(label, len(one.Label()))
		if one.Status == Ready {
			ready++
		}
	}
	for _, one := range all {
		spent := p.history.at.Sub(one.since).Round(time.Second)
		line := fmt.Sprintf("%-*s  %-*s  %5s  %s", name, one.Cluster+"/"+one.Name, label, one.Label(), spent,
			remark(*one.Provider))
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines, fmt.Sprintf("%d of %d Ready", ready, len(all))
}
