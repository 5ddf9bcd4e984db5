package reconcile

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// set is a set of numbers.
func set(numbers ...int) (s Numbers) {
	for _, n := range numbers {
		s |= 1 << n
	}
	return s
}

const (
	allMinutes  Numbers = 1<<60 - 1
	allHours    Numbers = 1<<24 - 1
	allDays     Numbers = 1<<32 - 2
	allMonths   Numbers = 1<<13 - 2
	allWeekdays Numbers = 1<<7 - 1
)

// place is a zone of the IANA database.
func place(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// daily opens once a day.
func daily(t *testing.T, zone, clock string, length time.Duration) Window {
	t.Helper()
	at, err := time.Parse("15:04", clock)
	if err != nil {
		t.Fatal(err)
	}
	return Window{
		Minutes: set(at.Minute()), Hours: set(at.Hour()), Days: allDays, Months: allMonths, Weekdays: allWeekdays,
		For: length, Zone: place(t, zone),
	}
}

// instant reads a time in UTC; "" is the zero time.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestWindowsWhileTheClocksChange: in Berlin clocks went from 02:00 to 03:00 at 01:00 UTC of 29 March 2026, and
// from 03:00 to 02:00 at 01:00 UTC of 25 October; in New York from 02:00 to 03:00 at 07:00 UTC of 8 March, and
// from 02:00 to 01:00 at 06:00 UTC of 1 November. On Lord Howe Island it is half an hour, and in Samoa 30
// December 2011 never was.
func TestWindowsWhileTheClocksChange(t *testing.T) {
	const berlin, newYork, lordHowe, samoa = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"
	for _, c := range []struct {
		name, zone, clock string
		length            time.Duration
		at                string
		open              bool
		next              string
	}{
		{"a day in winter", berlin, "02:30", time.Hour, "2026-03-28 01:30:00", true, "2026-03-28 02:30:00"},
		{"a day in summer", berlin, "02:30", time.Hour, "2026-03-30 00:30:00", true, "2026-03-30 01:30:00"},
		{"before a skipped opening", berlin, "02:30", time.Hour, "2026-03-29 00:59:59", false, "2026-03-29 01:00:00"},
		{"a skipped opening is at the jump", berlin, "02:30", time.Hour, "2026-03-29 01:00:00", true, "2026-03-29 02:00:00"},
		{"after it", berlin, "02:30", time.Hour, "2026-03-29 02:00:00", false, "2026-03-30 00:30:00"},
		{"an opening at the jump", berlin, "03:00", time.Hour, "2026-03-29 00:59:59", false, "2026-03-29 01:00:00"},
		{"the first minute skipped", berlin, "02:00", time.Hour, "2026-03-29 00:59:59", false, "2026-03-29 01:00:00"},
		{"open over the jump, for as long", berlin, "01:00", 3 * time.Hour, "2026-03-29 01:30:00", true, "2026-03-29 03:00:00"},
		{"before what comes twice", berlin, "02:30", time.Hour, "2026-10-25 00:29:59", false, "2026-10-25 00:30:00"},
		{"the first time", berlin, "02:30", time.Hour, "2026-10-25 00:30:00", true, "2026-10-25 01:30:00"},
		{"the second time", berlin, "02:30", time.Hour, "2026-10-25 01:30:00", false, "2026-10-26 01:30:00"},
		{"between both", berlin, "02:30", time.Minute, "2026-10-25 01:10:00", false, "2026-10-26 01:30:00"},
		{"after the hour that comes twice", berlin, "03:00", time.Hour, "2026-10-25 00:59:00", false, "2026-10-25 02:00:00"},
		{"open while the clocks go back, for as long", berlin, "01:00", 3 * time.Hour, "2026-10-25 01:30:00", true, "2026-10-25 02:00:00"},
		{"a day of 25 hours is longer than 24", berlin, "00:00", day, "2026-10-20 12:00:00", true, "2026-10-25 22:00:00"},
		{"and open again with the next", berlin, "00:00", day, "2026-10-25 22:30:00", false, "2026-10-25 23:00:00"},
		{"a week of 25 hours more is never", "UTC", "00:00", day, "2026-10-20 12:00:00", true, ""},
		{"skipped in New York", newYork, "02:15", time.Hour, "2026-03-08 06:59:59", false, "2026-03-08 07:00:00"},
		{"open since the jump", newYork, "02:15", time.Hour, "2026-03-08 07:59:59", true, "2026-03-08 08:00:00"},
		{"the first time in New York", newYork, "01:15", time.Hour, "2026-11-01 05:14:00", false, "2026-11-01 05:15:00"},
		{"the second time in New York", newYork, "01:15", time.Hour, "2026-11-01 06:15:00", false, "2026-11-02 06:15:00"},
		{"half an hour skipped", lordHowe, "02:15", time.Hour, "2026-10-03 15:29:00", false, "2026-10-03 15:30:00"},
		{"half an hour twice", lordHowe, "01:45", time.Minute, "2026-04-04 15:10:00", false, "2026-04-05 15:15:00"},
		{"a day skipped", samoa, "12:00", time.Hour, "2011-12-30 09:59:00", false, "2011-12-30 10:00:00"},
		{"the day after it", samoa, "12:00", time.Hour, "2011-12-30 11:00:00", false, "2011-12-30 22:00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, at := daily(t, c.zone, c.clock, c.length), instant(t, c.at)
			ws := Windows{w}
			if open := ws.Open(at); open != c.open || w.Open(at) != open {
				t.Errorf("open %v, want %v", open, c.open)
			}
			if have, want := ws.Next(at), instant(t, c.next); !have.Equal(want) {
				t.Errorf("next %s, want %s", have, want)
			}
		})
	}
}

// TestSeveralWindows: those that overlap or adjoin are one.
func TestSeveralWindows(t *testing.T) {
	utc := func(clock string, length time.Duration) Window { return daily(t, "UTC", clock, length) }
	never := utc("00:00", time.Hour)
	never.Days, never.Months = set(31), set(2)
	always := utc("00:00", time.Minute)
	always.Minutes, always.Hours = allMinutes, allHours
	for _, c := range []struct {
		name    string
		windows Windows
		open    bool
		next    string
	}{
		{"none", nil, true, ""},
		{"one that never opens", Windows{never}, false, ""},
		{"one that never closes", Windows{always}, true, ""},
		{"one of both opens", Windows{never, utc("13:00", time.Hour)}, false, "2026-08-03 13:00:00"},
		{"the first of both opens", Windows{utc("14:00", time.Hour), utc("13:00", time.Hour)}, false, "2026-08-03 13:00:00"},
		{"both are open", Windows{utc("11:00", 3*time.Hour), utc("10:00", 3*time.Hour)}, true, "2026-08-03 14:00:00"},
		{"one in the other", Windows{utc("12:00", time.Hour), utc("10:00", 5*time.Hour)}, true, "2026-08-03 15:00:00"},
		{"a chain", Windows{utc("13:00", time.Hour), utc("15:00", 90*time.Minute), utc("12:00", time.Hour), utc("14:00", time.Hour)},
			true, "2026-08-03 16:30:00"},
		{"a gap of a minute", Windows{utc("12:00", time.Hour), utc("13:01", time.Hour)}, true, "2026-08-03 13:00:00"},
		{"longer than a day", Windows{utc("12:00", 30*time.Hour)}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := instant(t, "2026-08-03 12:30:00")
			if open := c.windows.Open(at); open != c.open {
				t.Errorf("open %v, want %v", open, c.open)
			}
			if have, want := c.windows.Next(at), instant(t, c.next); !have.Equal(want) {
				t.Errorf("next %s, want %s", have, want)
			}
		})
	}
}

// TestTheRarestDay: a 29 February of each weekday is found, at the worst time to ask for it.
func TestTheRarestDay(t *testing.T) {
	w := daily(t, "UTC", "00:00", time.Hour)
	w.Days, w.Months = set(29), set(2)
	for weekday := range 7 {
		w.Weekdays = set(weekday)
		for at := instant(t, "1900-01-01 00:00:00"); at.Year() < 2300; at = at.Add(day) {
			next := Windows{w}.Next(at)
			if next.IsZero() || next.Month() != time.February || next.Day() != 29 || int(next.Weekday()) != weekday {
				t.Fatalf("weekday %d after %s: %s", weekday, at, next)
			}
			at = next
		}
	}
}

// drawWindow is any window, of few openings and of many.
func drawWindow(t *rapid.T) Window {
	some := func(label string, all Numbers, from ...int) Numbers {
		if rapid.Bool().Draw(t, "every "+label) {
			return all
		}
		return set(rapid.SliceOfN(rapid.SampledFrom(from), 1, 4).Draw(t, label)...)
	}
	return Window{
		Minutes:  some("minute", allMinutes, 0, 1, 15, 30, 59),
		Hours:    some("hour", allHours, 0, 1, 2, 3, 4, 12, 23),
		Days:     some("day", allDays, 1, 7, 8, 9, 25, 28, 29, 31),
		Months:   some("month", allMonths, 2, 3, 4, 10, 11, 12),
		Weekdays: some("weekday", allWeekdays, 0, 1, 5, 6),
		Either:   rapid.Bool().Draw(t, "either"),
		For:      time.Duration(rapid.SampledFrom([]int{1, 20, 60, 61, 8 * 60, 24 * 60, 30 * 60}).Draw(t, "minutes")) * time.Minute,
		Zone:     place(t, drawn(t, "zone", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")),
	}
}

// slowly says for each minute from start on whether a window is open, from watching the clocks.
func slowly(w Window, start time.Time, minutes int) []bool {
	const before = 3 * 24 * 60 // longer than any is open
	open, left := make([]bool, minutes), 0
	next := shown(start.Add(-before * time.Minute).In(w.Zone)) // what the clocks have not shown yet
	for i := range before + minutes {
		now := shown(start.Add(time.Duration(i-before) * time.Minute).In(w.Zone))
		for ; !next.After(now); next = next.Add(time.Minute) {
			of, in := w.Days.has(next.Day()), w.Weekdays.has(int(next.Weekday()))
			if w.Minutes.has(next.Minute()) && w.Hours.has(next.Hour()) && w.Months.has(int(next.Month())) &&
				(of && in || w.Either && (of || in)) {
				left = int(w.For / time.Minute)
			}
		}
		if i >= before {
			open[i-before] = left > 0
		}
		left--
	}
	return open
}

// TestWindowsAsSomebodyWatchingTheClocksHasThem compares both around days on which clocks change.
func TestWindowsAsSomebodyWatchingTheClocksHasThem(t *testing.T) {
	law(t, func(t *rapid.T) {
		ws := Windows(rapid.SliceOfN(rapid.Custom(drawWindow), 1, 3).Draw(t, "windows"))
		date := drawn(t, "date", "2026-03-07", "2026-03-28", "2026-10-24", "2026-10-31", "2024-02-28", "2026-04-04", "2026-10-03", "2011-12-29")
		start, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		const minutes = 3 * 24 * 60
		open := make([]bool, minutes)
		for _, w := range ws {
			for i, is := range slowly(w, start, minutes) {
				open[i] = open[i] || is
			}
		}
		for i := rapid.IntRange(0, 96).Draw(t, "from"); i < minutes; i += 97 {
			at := start.Add(time.Duration(i)*time.Minute + 30*time.Second)
			if have := ws.Open(at); have != open[i] {
				t.Fatalf("%s: open %v, want %v", at, have, open[i])
			}
			next, want := ws.Next(at), slices.Index(open[i:], !open[i])
			if end := start.Add(minutes * time.Minute); want < 0 && !next.IsZero() && next.Before(end) {
				t.Fatalf("%s: changes at %s, and should not before %s", at, next, end)
			}
			if wanted := start.Add(time.Duration(i+want) * time.Minute); want >= 0 && !next.Equal(wanted) {
				t.Fatalf("%s: changes at %s, want %s", at, next, wanted)
			}
		}
	})
}

// BenchmarkNext measures what is asked often: two ordinary windows, and one that never opens.
func BenchmarkNext(b *testing.B) {
	night := Window{
		Minutes: set(0), Hours: set(22), Days: allDays, Months: allMonths, Weekdays: set(1, 2, 3, 4, 5),
		For: 8 * time.Hour, Zone: place(b, "Europe/Berlin"),
	}
	never, always := night, night
	never.Days, never.Months, never.Weekdays = set(31), set(2), allWeekdays
	always.Hours, always.Minutes, always.Weekdays, always.For, always.Zone = allHours, allMinutes, allWeekdays, time.Minute, time.UTC
	at := time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	for name, ws := range map[string]Windows{"ordinary": {night, night}, "never": {never}, "always": {always}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ws.Next(at)
			}
		})
	}
}
