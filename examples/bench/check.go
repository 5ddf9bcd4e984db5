package main

import (
	"errors"
	"fmt"
	"io"
)

// rule is one thing that must be so. Either the ratio has a least value, or our own figure a greatest.
type rule struct {
	section, row string
	ratio        float64 // at least; 0: it does not count
	most         float64 // of ours, where the ratio does not count
}

// rules are what must be reached before anything else is.
var rules = []rule{
	{section: string(install), row: cpuRow, ratio: 8},
	{section: string(change), row: cpuRow, ratio: 10},
	{section: string(install), row: requestsRow, most: 25},
	{section: string(change), row: requestsRow, most: 20},
	{section: string(nothing), row: writesRow},
	{section: string(nothing), row: rendersRow},
	{section: string(plan), row: writesRow},
	{section: string(plan), row: rendersRow},
	{section: idleSection, row: idleReadsRow},
	{section: idleSection, row: idleWritesRow},
	{section: idleSection, row: idleWorkerRow},
}

// check says of each rule whether it is kept, and fails if one is not.
func check(r results, out io.Writer) error {
	kept := true
	for _, must := range rules {
		have, there := r.row(must.section, must.row)
		if !there {
			return fmt.Errorf("%s, %s: it was not measured", must.section, must.row)
		}
		text, ok := must.judge(have)
		word := map[bool]string{true: "ok", false: "FAIL"}[ok]
		fmt.Fprintf(out, "%-4s  %s, %s: %s\n", word, must.section, must.row, text)
		kept = kept && ok
	}
	if !kept {
		return errors.New("reconcile is not as good as it must be; see the lines with FAIL")
	}
	return nil
}

// judge says whether a row keeps a rule.
func (m rule) judge(have row) (text string, ok bool) {
	if m.ratio == 0 {
		return fmt.Sprintf("%s, at most %s", number(have.Ours), number(m.most)), have.Ours <= m.most
	}
	if have.Ratio == nil {
		return "there is no ratio", false
	}
	return fmt.Sprintf("helm / reconcile %s, at least %s", number(*have.Ratio), number(m.ratio)), *have.Ratio >= m.ratio
}

// row finds a row.
func (r results) row(section, what string) (row, bool) {
	for _, s := range r.Sections {
		for _, row := range s.Rows {
			if s.Title == section && row.What == what {
				return row, true
			}
		}
	}
	return row{}, false
}
