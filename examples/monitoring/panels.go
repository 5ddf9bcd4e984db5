package main

import (
	"regexp"
	"strings"
)

// board makes a dashboard: panels are placed in the order in which they are added.
type board struct {
	dashboard
	x, y, row int // where the next panel is, and how high the ones beside it are
}

// asked finds our metrics in a query.
var asked = regexp.MustCompile(`(reconcile_[a-z_]+)(\{?)`)

// ofChosen is a query of the deployments alone that whoever looks has chosen: several may be in one Prometheus.
func ofChosen(expr string) string {
	return asked.ReplaceAllStringFunc(expr, func(found string) string {
		if name, more := strings.CutSuffix(found, "{"); more {
			return name + `{job=~"$job",`
		}
		return found + `{job=~"$job"}`
	})
}

// newBoard makes an empty dashboard with the variables that all have, and others after them.
func newBoard(uid, title, description string, more ...variable) *board {
	b := &board{dashboard: dashboard{
		UID: "reconcile-" + uid, Title: "reconcile / " + title, Description: description, Tags: []string{"reconcile"},
		SchemaVersion: 39, Editable: true, Refresh: "30s", Time: span{"now-6h", "now"}, Timezone: "browser", GraphTooltip: 1,
		Links: []link{{Title: "reconcile", Type: "dashboards", Tags: []string{"reconcile"}, AsDropdown: true, IncludeVars: true, KeepTime: true}},
	}}
	b.Templating.List = append([]variable{{
		Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1, Current: struct{}{},
	}, values("job", "Deployment", "label_values(reconcile_build_info, job)")}, more...)
	return b
}

// choice is a variable over the values of a label, in the deployments that were chosen.
func choice(name, label, query string) variable { return values(name, label, ofChosen(query)) }

// values is one in all deployments.
func values(name, label, query string) variable {
	return variable{
		Name: name, Label: label, Type: "query", Query: variableQuery{query, name}, Datasource: prometheus(), Refresh: 2,
		IncludeAll: true, AllValue: ".*", Multi: true, Sort: 1, Current: chosen{"All", "$__all"},
	}
}

// clusters is the variable that most have.
func clusters() variable {
	return choice("cluster", "Cluster", "label_values(reconcile_cluster_reachable, cluster)")
}

// add places a panel of some size: 24 are a line.
func (b *board) add(w, h int, p panel) {
	if b.x+w > 24 {
		b.x, b.y, b.row = 0, b.y+b.row, 0
	}
	p.ID, p.GridPos = len(b.Panels)+1, grid{b.x, b.y, w, h}
	if p.Type != "row" {
		p.Datasource = prometheus()
	}
	p.FieldConfig.Overrides = []struct{}{}
	for i := range p.Targets {
		p.Targets[i].RefID, p.Targets[i].Expr = string(rune('A'+i)), ofChosen(p.Targets[i].Expr)
	}
	b.x, b.row = b.x+w, max(b.row, h)
	b.Panels = append(b.Panels, p)
}

// line begins a part of the dashboard.
func (b *board) line(title string) {
	b.x, b.y, b.row = 0, b.y+b.row, 0
	b.add(24, 1, panel{Title: title, Type: "row"})
}

// query is what a panel asks, and what its answers are called.
type query struct{ expr, legend string }

// look is how a panel shows its numbers.
type look struct {
	unit  string
	about string  // what it means; one that may be empty says when, beginning with "Empty"
	red   float64 // from which value on it is red; 0: never
	low   bool    // red is below
	full  float64 // the end of the scale; 0: open
}

// steps are the colors.
func (l look) steps() *thresholds {
	t := &thresholds{"absolute", []step{{"green", nil}}}
	switch {
	case l.low:
		t.Steps = []step{{"red", nil}, {"green", &l.red}}
	case l.red != 0:
		t.Steps = append(t.Steps, step{"red", &l.red})
	}
	return t
}

func (l look) fields(mode string) fields {
	zero := 0.0
	d := defaults{Unit: l.unit, Thresholds: l.steps(), Color: &color{mode}}
	if l.full > 0 {
		d.Min, d.Max = &zero, &l.full
	}
	return fields{Defaults: d}
}

// stat shows one number.
func (b *board) stat(title string, l look, q string) {
	b.add(4, 4, panel{
		Title: title, Type: "stat", Description: l.about, Targets: []target{{Expr: q, Instant: true}}, FieldConfig: l.fields("thresholds"),
		Options: map[string]any{"colorMode": "background", "graphMode": "none", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}}},
	})
}

// graph shows numbers over time.
func (b *board) graph(title string, l look, all ...query) {
	p := panel{Title: title, Type: "timeseries", Description: l.about, FieldConfig: l.fields("palette-classic")}
	zero := 0.0
	p.FieldConfig.Defaults.Min = &zero
	p.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": false}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom"},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	for _, q := range all {
		p.Targets = append(p.Targets, target{Expr: q.expr, LegendFormat: q.legend, Range: true})
	}
	b.add(12, 8, p)
}

// table shows what is, a line for each series; its value only where there is a unit.
func (b *board) table(title string, l look, q string) {
	hidden := map[string]bool{"Time": true}
	if l.unit == "" {
		hidden["Value"] = true
	}
	b.add(12, 8, panel{
		Title: title, Type: "table", Description: l.about, FieldConfig: l.fields("thresholds"),
		Targets:    []target{{Expr: q, Instant: true, Format: "table"}},
		Transforms: []transform{{"organize", map[string]any{"excludeByName": hidden}}},
	})
}

// states shows which of some states held when.
func (b *board) states(title string, l look, q query) {
	p := panel{
		Title: title, Type: "state-timeline", Description: l.about, FieldConfig: l.fields("thresholds"),
		Targets: []target{{Expr: q.expr, LegendFormat: q.legend, Range: true}},
		Options: map[string]any{"showValue": "never", "mergeValues": true, "rowHeight": 0.8},
	}
	p.FieldConfig.Defaults.Mappings = []mapping{{"value", map[string]mapped{
		"0": {"no", "transparent", 0}, "1": {"yes", "blue", 1},
	}}}
	b.add(24, 6, p)
}
