package render

import (
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/schema"
)

// TestWindows takes declared windows from their text to the times at which they open and close next.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule string
		length   time.Duration
		zone     string
		at       string // in UTC, and so are the others
		opens    string
		closes   string
	}{
		{"every night", "0 22 * * *", 8 * time.Hour, "", "2026-08-03 12:00", "2026-08-03 22:00", "2026-08-04 06:00"},
		{"in Berlin, in summer", "0 22 * * *", 8 * time.Hour, "Europe/Berlin", "2026-08-03 12:00", "2026-08-03 20:00", "2026-08-04 04:00"},
		{"in Berlin, in winter", "0 22 * * *", 8 * time.Hour, "Europe/Berlin", "2026-12-03 12:00", "2026-12-03 21:00", "2026-12-04 05:00"},
		{"in New York", "30 1 * * *", time.Hour, "America/New_York", "2026-08-03 12:00", "2026-08-04 05:30", "2026-08-04 06:30"},
		{"the jump in Berlin", "30 2 * * *", time.Hour, "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"},
		{"twice in New York", "30 1 * * *", time.Hour, "America/New_York", "2026-11-01 05:00", "2026-11-01 05:30", "2026-11-01 06:30"},
		{"weekdays by name, on a Friday", "0 9 * * mon-fri", time.Hour, "", "2026-08-07 12:00", "2026-08-10 09:00", "2026-08-10 10:00"},
		{"Sunday is 0", "0 9 * * 0", time.Hour, "", "2026-08-03 12:00", "2026-08-09 09:00", "2026-08-09 10:00"},
		{"Sunday is 7", "0 9 * * 7", time.Hour, "", "2026-08-03 12:00", "2026-08-09 09:00", "2026-08-09 10:00"},
		{"from Friday over Sunday", "0 0 * * fri-7", 24 * time.Hour, "", "2026-08-03 12:00", "2026-08-07 00:00", "2026-08-10 00:00"},
		{"steps adjoin", "*/15 8-9 * * *", 15 * time.Minute, "", "2026-08-03 12:00", "2026-08-04 08:00", "2026-08-04 10:00"},
		{"steps with gaps", "*/20 8 * * *", 15 * time.Minute, "", "2026-08-03 08:16", "2026-08-03 08:20", "2026-08-03 08:35"},
		{"steps in a range", "0 8-18/4 * * *", time.Hour, "", "2026-08-03 13:30", "2026-08-03 16:00", "2026-08-03 17:00"},
		{"a month by name", "0 0 1 feb *", time.Hour, "", "2026-08-03 12:00", "2027-02-01 00:00", "2027-02-01 01:00"},
		{"the 31st, not in every month", "0 0 31 * *", time.Hour, "", "2026-08-31 12:00", "2026-10-31 00:00", "2026-10-31 01:00"},
		{"over the end of a year", "0 23 31 12 *", 2 * time.Hour, "", "2026-08-03 12:00", "2026-12-31 23:00", "2027-01-01 01:00"},
		{"a leap day", "0 0 29 2 *", time.Hour, "", "2026-08-03 12:00", "2028-02-29 00:00", "2028-02-29 01:00"},
		{"no leap day in 2100", "0 0 29 2 *", time.Hour, "", "2096-03-01 00:00", "2104-02-29 00:00", "2104-02-29 01:00"},
		{"a day of the month or of the week", "0 0 15 * mon", time.Hour, "", "2026-08-11 12:00", "2026-08-15 00:00", "2026-08-15 01:00"},
		{"and the other of them", "0 0 15 * mon", time.Hour, "", "2026-08-03 12:00", "2026-08-10 00:00", "2026-08-10 01:00"},
		{"both, where one is written with *", "0 0 */14 * mon", time.Hour, "", "2026-08-03 12:00", "2027-02-01 00:00", "2027-02-01 01:00"},
		{"never", "0 0 31 2 *", time.Hour, "", "2026-08-03 12:00", "", ""},
		{"a week", "0 0 * * mon", 168 * time.Hour, "", "2026-08-03 12:00", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ws, err := windows(map[string]schema.Window{
				"it":    {Schedule: c.schedule, For: schema.Duration(c.length), TimeZone: c.zone},
				"never": {Schedule: "* * 30 2 *", For: schema.Duration(time.Hour)},
			})
			if err != nil {
				t.Fatal(err)
			}
			at, opens, closes := when(t, c.at), when(t, c.opens), when(t, c.closes)
			if have := ws.Next(at); !have.Equal(opens) {
				t.Fatalf("opens at %s, want %s", have, opens)
			}
			if have := ws.Next(opens); !opens.IsZero() && !have.Equal(closes) {
				t.Errorf("closes at %s, want %s", have, closes)
			}
		})
	}
}

// when reads a time in UTC; "" is the zero time.
func when(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestWindowsThatNobodyChecked: what package schema refuses names the window.
func TestWindowsThatNobodyChecked(t *testing.T) {
	for _, w := range []schema.Window{{Schedule: "0 24 * * *"}, {Schedule: "0 0 * * *", TimeZone: "Europe/Frankfurt"}} {
		if _, err := windows(map[string]schema.Window{"night": w}); err == nil || !strings.Contains(err.Error(), "window night: ") {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if ws, err := windows(nil); len(ws) != 0 || err != nil {
		t.Errorf("none: %v, %v", ws, err)
	}
}
