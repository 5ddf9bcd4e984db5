package reconcile

import (
	"cmp"
	"math/bits"
	"time"
)

// Numbers is a set of numbers from 0 to 63: bit n stands for the number n.
type Numbers uint64

// has says whether n is in the set.
func (s Numbers) has(n int) bool { return s>>n&1 == 1 }

// upTo is the largest number that is n at most; -1: there is none.
func (s Numbers) upTo(n int) int { return bits.Len64(uint64(s)&(1<<(n+1)-1)) - 1 }

// from is the smallest number that is n at least; 64: there is none.
func (s Numbers) from(n int) int { return bits.TrailingZeros64(uint64(s) >> n << n) }

// Window is a time in which changes may go out, again and again. It opens in each minute that is in all sets, by
// the clocks of its zone, and is open for as long as it says. A day must be in Days and in Weekdays; in cron(5) one of
// them is enough where both are restricted, and Either says so.
//
// Where the clocks change, no opening is lost and none comes twice: one in the hour that they skip is at the
// moment of the jump, and one in the hour that they show twice is in the first of the two alone. For how long
// it is open is time that passes, whatever the clocks show meanwhile.
type Window struct {
	Minutes, Hours, Days, Months Numbers
	Weekdays                     Numbers // Sunday is 0
	Either                       bool    // a day need only be in one of Days and Weekdays
	For                          time.Duration
	Zone                         *time.Location // nil is UTC
}

// Open says whether the window is open at a time.
func (w Window) Open(at time.Time) bool { return w.closes(at).After(at) }

// Windows are several windows. They are open while one of them is; without any, changes may always go out.
type Windows []Window

// Open says whether changes may go out at a time.
func (ws Windows) Open(at time.Time) bool { return len(ws) == 0 || ws.closes(at).After(at) }

// mostChained is over how many openings that follow each other without a gap the end is looked for: with daily ones
// of 24 h, more than a year, in which clocks go back once.
const mostChained = 400

// Next is when what Open says changes: when the next window opens, or, while one is open, when it closes and no
// other one has opened. It is zero where that is never, or behind more openings without a gap than mostChained.
func (ws Windows) Next(at time.Time) time.Time {
	if len(ws) == 0 {
		return time.Time{}
	}
	end := at
	for range mostChained {
		closes := ws.closes(end)
		switch {
		case closes.After(end):
			end = closes
		case end.After(at):
			return end.UTC()
		default:
			return ws.opens(at).UTC()
		}
	}
	return time.Time{}
}

// closes is when the last of those that opened by then closes, or did.
func (ws Windows) closes(at time.Time) (last time.Time) {
	for _, w := range ws {
		if t := w.closes(at); t.After(last) {
			last = t
		}
	}
	return last
}

// opens is when the first of them opens next; zero: none ever does.
func (ws Windows) opens(at time.Time) (first time.Time) {
	for _, w := range ws {
		if t := w.opens(at); first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

const (
	day = 24 * time.Hour
	// The rarest of days, a 29 February of one weekday, comes within so many days: 40 years.
	rarest = 40*365 + 10
)

// closes is when what opened last closes and has not opened once more that day, or when it did; zero: so long ago
// that it does not matter.
func (w Window) closes(at time.Time) time.Time {
	reached := w.reached(at)
	date, minute := reached.Truncate(day), reached.Hour()*60+reached.Minute()
	for range int(w.For/day) + 3 { // a day that it began in, and one for changes of the clocks
		if m := w.upTo(minute); m >= 0 && w.on(date) {
			return w.chain(date, m).Add(w.For)
		}
		date, minute = date.AddDate(0, 0, -1), 24*60-1
	}
	return time.Time{}
}

// chain is the last opening of a day that follows one without a gap. Where the clocks go back between the two there
// may be one after all, so it is the given one itself.
func (w Window) chain(date time.Time, minute int) time.Time {
	last := minute
	for {
		next := w.upTo(min(last+int(w.For/time.Minute), 24*60-1))
		if next == last {
			break
		}
		last = next
	}
	from, to := w.moment(date.Add(time.Duration(minute)*time.Minute)), w.moment(date.Add(time.Duration(last)*time.Minute))
	if to.Sub(from) > time.Duration(last-minute)*time.Minute {
		return from
	}
	return to
}

// opens is when it opens next; zero: never.
func (w Window) opens(at time.Time) time.Time {
	from := w.reached(at).Add(time.Minute)
	date, minute := from.Truncate(day), from.Hour()*60+from.Minute()
	for end := date.AddDate(0, 0, rarest); date.Before(end); minute = 0 {
		if m := w.from(minute); m >= 0 && w.on(date) {
			return w.moment(date.Add(time.Duration(m) * time.Minute))
		}
		if w.Months.has(int(date.Month())) {
			date = date.AddDate(0, 0, 1)
		} else {
			date = time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	return time.Time{}
}

// on says whether it opens on a day.
func (w Window) on(date time.Time) bool {
	of, in := w.Days.has(date.Day()), w.Weekdays.has(int(date.Weekday()))
	return w.Months.has(int(date.Month())) && (of && in || w.Either && (of || in))
}

// upTo is the last minute of a day, none after the given one, in which it opens; -1: there is none.
func (w Window) upTo(minute int) int {
	h, m := w.Hours.upTo(minute/60), w.Minutes.upTo(minute%60)
	if h != minute/60 || m < 0 {
		h, m = w.Hours.upTo(minute/60-1), w.Minutes.upTo(59)
	}
	if h < 0 || m < 0 {
		return -1
	}
	return h*60 + m
}

// from is the first minute of a day, none before the given one, in which it opens; -1: there is none.
func (w Window) from(minute int) int {
	h, m := w.Hours.from(minute/60), w.Minutes.from(minute%60)
	if h != minute/60 || m > 59 {
		h, m = w.Hours.from(minute/60+1), w.Minutes.from(0)
	}
	if h > 23 || m > 59 {
		return -1
	}
	return h*60 + m
}

// Openings are looked for on the face of the clocks. What they show is written as a time in UTC, where every day
// has 24 hours, and becomes a moment, or comes of one, in the three functions below.

// shown is what the clocks show.
func shown(at time.Time) time.Time {
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// reached is the last minute that the clocks have shown by then. While they show an hour again, that is its end.
func (w Window) reached(at time.Time) time.Time {
	at = at.In(w.zone())
	last := shown(at)
	if start, _ := at.ZoneBounds(); !start.IsZero() {
		if before := shown(start.Add(-1)); before.After(last) {
			last = before
		}
	}
	return last.Truncate(time.Minute)
}

// moment is when the clocks show something for the first time, or jump over it.
func (w Window) moment(face time.Time) time.Time {
	year, month, date := face.Date()
	at := time.Date(year, month, date, face.Hour(), face.Minute(), 0, 0, w.zone())
	start, end := at.ZoneBounds()
	switch s := shown(at); {
	case s.After(face):
		return start
	case s.Before(face):
		return end
	case start.IsZero():
		return at
	}
	_, offset := at.Zone()
	_, before := start.Add(-1).Zone()
	if first := at.Add(time.Duration(offset-before) * time.Second); first.Before(start) {
		return first
	}
	return at
}

func (w Window) zone() *time.Location { return cmp.Or(w.Zone, time.UTC) }
