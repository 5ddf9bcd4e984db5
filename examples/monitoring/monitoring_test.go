package main

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/status"
)

var update = flag.Bool("update", false, "write the files anew")

// TestTheFilesAreFresh holds what is checked in against what is made, and finds what is made no more.
func TestTheFilesAreFresh(t *testing.T) {
	made, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range made {
		if *update {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(have), string(text)); diff != "" {
			t.Errorf("%s is stale; make fix writes it:\n%s", name, diff)
		}
	}
	for _, pattern := range []string{"dashboards/*", "rules/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if made[name] == nil {
				t.Errorf("%s is made by nobody", name)
			}
		}
	}
}

// known are the labels of every metric that a query may use, by its name.
func known() map[string][]string {
	target := []string{"instance", "job", "namespace"}
	out := map[string][]string{}
	for _, f := range status.Families() {
		name, labels := "reconcile_"+f.Name, append(target, f.Labels...)
		if f.Kind == "histogram" {
			name, labels = name+"_bucket", append(labels, "le")
		}
		out[name] = labels
	}
	for _, name := range status.RuntimeMetrics() {
		out[name] = target
	}
	for _, r := range recordings() {
		by := regexp.MustCompile(`by \(([^)]*)\)`).FindStringSubmatch(r.Expr)[1]
		out[r.Record] = strings.Split(strings.ReplaceAll(by, " ", ""), ",")
	}
	return out
}

// words of PromQL that our queries use.
var promQL = strings.Fields(`sum max min count by on time rate increase histogram_quantile last_over_time absent_over_time topk and or unless`)

var (
	selectors = regexp.MustCompile(`\{[^}]*\}`)
	matchers  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	clauses   = regexp.MustCompile(`\b(by|on) \([^)]*\)`)
	ranges    = regexp.MustCompile(`\[[^\]]*\]`)
	names     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	metrics   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})?`)
)

// wrong says what of a query nobody knows.
func wrong(expr string) (out []string) {
	all := known()
	for _, found := range metrics.FindAllStringSubmatch(expr, -1) {
		for _, m := range matchers.FindAllStringSubmatch(found[2], -1) {
			if !slices.Contains(all[found[1]], m[1]) {
				out = append(out, found[1]+" has no label "+m[1])
			}
		}
	}
	bare := ranges.ReplaceAllString(selectors.ReplaceAllString(clauses.ReplaceAllString(expr, ""), ""), "")
	for _, name := range names.FindAllString(bare, -1) {
		if _, is := all[name]; !is && !slices.Contains(promQL, name) {
			out = append(out, "there is no "+name)
		}
	}
	return out
}

// Every query asks for metrics that the daemon has, by labels that they have.
func TestQueriesAskForWhatThereIs(t *testing.T) {
	for expr, want := range map[string]string{
		`sum(reconcile_nothing)`: "there is no reconcile_nothing", `max by (x) (reconcile_frozen{provider="a"})`: "reconcile_frozen has no label provider",
		`rate(reconcile_pass_duration_seconds[5m])`: "there is no reconcile_pass_duration_seconds",
	} {
		if got := wrong(expr); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v, want %s", expr, got, want)
		}
	}
	asked := map[string]bool{}
	ask := func(where, expr string) {
		for _, fault := range wrong(expr) {
			t.Errorf("%s: %s", where, fault)
		}
		for _, name := range names.FindAllString(expr, -1) {
			asked[strings.TrimSuffix(name, "_bucket")] = true
		}
	}
	for _, d := range dashboards() {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				ask(d.Title+": "+p.Title, q.Expr)
			}
		}
		for _, v := range d.Templating.List {
			if q, is := v.Query.(variableQuery); is {
				inside := strings.TrimSuffix(strings.TrimPrefix(q.Query, "label_values("), ")")
				metric, _, _ := strings.Cut(inside, ", ")
				ask(d.Title+": variable "+v.Name, metric)
			}
		}
	}
	for _, g := range groups() {
		for _, r := range g.Rules {
			ask(r.Alert+r.Record, r.Expr)
		}
	}
	for _, f := range status.Families() {
		if !asked["reconcile_"+f.Name] {
			t.Errorf("nobody asks for reconcile_%s", f.Name)
		}
	}
}

// Dashboards can be imported as they are: the data source is chosen, nothing lies on anything else, and each has an
// address that stays.
func TestDashboardsCanBeImported(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range dashboards() {
		if uids[d.UID] || len(d.UID) > 40 {
			t.Errorf("uid %s", d.UID)
		}
		uids[d.UID] = true
		if v := d.Templating.List[0]; v.Type != "datasource" || v.Name != "datasource" {
			t.Errorf("%s: its first variable is %+v", d.UID, v)
		}
		text, err := d.json()
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", d.UID, err)
		}
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if strings.Count(q.Expr, "reconcile_") != strings.Count(q.Expr, `{job=~"$job"`) {
					t.Errorf("%s: %s asks deployments that were not chosen: %s", d.UID, p.Title, q.Expr)
				}
			}
			if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
				t.Errorf("%s: %s asks nobody", d.UID, p.Title)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %s lies on %s", d.UID, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// Every alert has a page of its own that says what to look at and what to do, a unit test, and words that name what it
// is about; and there is no page of an alert that is no more.
func TestEveryAlertHasARunbookAndATest(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, part := range strings.Split("\n"+string(text), "\n## ")[1:] {
		name, page, _ := strings.Cut(part, "\n")
		pages[name] = page
	}
	tried := map[string]bool{}
	for _, trial := range trials() {
		tried[trial.alert] = true
	}
	for _, g := range groups() {
		for _, r := range g.Rules {
			for _, clause := range clauses.FindAllString(r.Expr, -1) {
				if !strings.Contains(clause, "(job, namespace") {
					t.Errorf("%s%s takes deployments together: %s", r.Record, r.Alert, clause)
				}
			}
			if r.Alert == "" {
				continue
			}
			page := pages[r.Alert]
			if !strings.Contains(page, "**Look at**") || !strings.Contains(page, "**Do**") {
				t.Errorf("docs/runbooks.md does not say what to look at and do about %s", r.Alert)
			}
			if want := runbooks + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: its runbook is %s", r.Alert, r.Annotations["runbook_url"])
			}
			if !tried[r.Alert] {
				t.Errorf("%s has no unit test", r.Alert)
			}
			delete(pages, r.Alert)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		if strings.HasPrefix(name, "Reconcile") {
			t.Errorf("docs/runbooks.md has %s, and there is no such alert", name)
		}
	}
}
