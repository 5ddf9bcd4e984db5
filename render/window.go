package render

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// windows are the times in which changes may go out, by name.
func windows(declared map[string]schema.Window) (reconcile.Windows, error) {
	var out reconcile.Windows
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		w, err := window(declared[name])
		if err != nil {
			return nil, fmt.Errorf("window %s: %w", name, err)
		}
		out = append(out, w)
	}
	return out, nil
}

func window(declared schema.Window) (reconcile.Window, error) {
	s, err := schema.ParseSchedule(declared.Schedule)
	if err != nil {
		return reconcile.Window{}, err
	}
	zone, err := time.LoadLocation(declared.TimeZone)
	return reconcile.Window{
		Minutes: reconcile.Numbers(s.Minutes), Hours: reconcile.Numbers(s.Hours), Days: reconcile.Numbers(s.Days),
		Months: reconcile.Numbers(s.Months), Weekdays: reconcile.Numbers(s.Weekdays), Either: s.Either,
		For: time.Duration(declared.For), Zone: zone,
	}, err
}
