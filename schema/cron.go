package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Schedule is the minutes that a window opens in, as sets of numbers: bit n of a set stands for the number n.
type Schedule struct {
	Minutes, Hours, Days, Months uint64
	Weekdays                     uint64 // Sunday is 0
	Either                       bool   // a day need only be in one of Days and Weekdays
}

// ParseSchedule reads a schedule of five fields as cron(5) has it: numbers, names, lists, ranges and steps. Sunday
// is 0 and 7. Where both the day of the month and that of the week are written without *, either of them is enough.
func ParseSchedule(s string) (Schedule, error) {
	var out Schedule
	fields := [...]cronField{
		{&out.Minutes, "minute", 0, 59, ""},
		{&out.Hours, "hour", 0, 23, ""},
		{&out.Days, "day of the month", 1, 31, ""},
		{&out.Months, "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
		{&out.Weekdays, "day of the week", 0, 7, "sunmontuewedthufrisat"},
	}
	texts := strings.Fields(s)
	if len(texts) != len(fields) {
		return Schedule{}, errors.New("found a schedule that has not five fields: " +
			"must be minute, hour, day of the month, month, day of the week")
	}
	for i, f := range fields {
		for part := range strings.SplitSeq(texts[i], ",") {
			set := f.part(part)
			if set == 0 {
				return Schedule{}, fmt.Errorf("found a schedule whose %s is wrong: must be *, "+
					"or numbers from %d to %d, such as 1,3 or 8-17 or */2", f.name, f.from, f.to)
			}
			*f.set |= set
		}
	}
	const sundayAgain = 7
	out.Weekdays = (out.Weekdays | out.Weekdays>>sundayAgain) &^ (1 << sundayAgain)
	out.Either = !strings.Contains(texts[2], "*") && !strings.Contains(texts[4], "*")
	return out, nil
}

// checkCron wants a schedule that can be read.
func checkCron(s string) string {
	if _, err := ParseSchedule(s); err != nil {
		return err.Error()
	}
	return ""
}

// cronField is one of the five fields.
type cronField struct {
	set      *uint64
	name     string
	from, to int
	names    string // three letters each, the lower bound first
}

// part is the set of "*", "a" or "a-b", with or without a step "/n"; nothing is in that of anything else.
func (f cronField) part(part string) uint64 {
	span, text, stepped := strings.Cut(part, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(text); err != nil || step < 1 || step > f.to {
			return 0
		}
	}
	first, last, ok := f.span(span, stepped)
	if !ok {
		return 0
	}
	var set uint64
	for n := first; n <= last; n += step {
		set |= 1 << n
	}
	return set
}

// span reads "*" or "a-b", or "a" alone where no step follows.
func (f cronField) span(s string, stepped bool) (first, last int, ok bool) {
	if s == "*" {
		return f.from, f.to, true
	}
	from, to, ranged := strings.Cut(s, "-")
	first = f.number(from)
	last = first
	if ranged {
		last = f.number(to)
	}
	return first, last, f.from <= first && first <= last && last <= f.to && (ranged || !stepped)
}

// number reads a number or a name; -1 for anything else.
func (f cronField) number(s string) int {
	if i := strings.Index(f.names, strings.ToLower(s)); len(s) == 3 && i >= 0 && i%3 == 0 {
		return f.from + i/3
	}
	n, err := strconv.Atoi(s)
	if err != nil || strings.HasPrefix(s, "+") {
		return -1
	}
	return n
}
