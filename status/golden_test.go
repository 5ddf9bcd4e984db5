package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile"
)

// situations are the worlds of which testdata/*.txtar shows everything that is told.
func situations() map[string]func(w *world) {
	return map[string]func(w *world){
		"rollout": func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.want("eu", "paris", "")
			boston := w.want("us", "boston", "")
			w.edit(boston.ID, func(it *reconcile.Item) { it.Wave, it.After = 1, []reconcile.ID{w.Want.Items[1].ID} })
			w.put(boston, func(o *reconcile.Observed) { o.Digest, o.ChartVersion = "0ddba11", "1.43.0" })
		},
		"trouble": func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), func(o *reconcile.Observed) {
				o.History = []reconcile.Step{
					{At: epoch(), Op: "update", Reason: "changed", Revision: 3, Commit: "1a2b3c4d5e6f", Author: "Ada <ada@example.com>"},
					{At: epoch().Add(-time.Hour), Op: "create", Reason: "absent", Revision: 2, Commit: "0a0b0c0", Ready: true},
					{At: epoch().Add(-2 * time.Hour), Op: "create", Reason: "absent", Revision: 1, Commit: "0a0b0c0", Error: "helm install: no\nsuch image"},
				}
				o.Health, o.Message = reconcile.Unhealthy, "container envproxy of pod envproxy-0: CrashLoopBackOff: exit code 1"
			})
			w.put(w.want("eu", "paris", ""), func(o *reconcile.Observed) {
				o.Drift = []reconcile.Drift{{Object: "Deployment/envproxy", Field: "/spec/replicas", Message: "3, declared 2 (kubectl-edit)", By: "kubectl-edit"}}
			})
			w.put(w.want("us", "boston", ""), nil)
			w.lose("us")
			w.FetchErr = errors.New("ls-remote: connection refused")
			w.Head.SHA = "badbadbad"
			w.HeadErr = errors.New("providers.cue:12:3: providers.x.cluster: \"mars\" is not declared\nproviders.cue:14:1: b")
		},
		"holds": func(w *world) {
			it := w.want("eu", "frankfurt", "")
			w.put(it, func(o *reconcile.Observed) { o.Digest = "0ddba11" })
			w.edit(it.ID, func(it *reconcile.Item) { it.Suspended = "<b>until</b> Friday, says @ops | see [this](javascript:x)" })
			w.put(w.want("eu", "paris", ""), func(o *reconcile.Observed) { o.Owner, o.Manager = "", "Flux" })
			gone := w.want("us", "boston", "")
			w.put(gone, nil)
			w.Want.Items = w.Want.Items[:2]
			delete(w.Want.Providers, "boston")
			built := w.Want.Providers["built-in"]
			built.Cordoned = "full"
			w.Want.Providers["built-in"] = built
		},
		"people": func(w *world) {
			for _, name := range []string{"frankfurt", "paris", "boston"} {
				cluster := "eu"
				if name == "boston" {
					cluster = "us"
				}
				w.put(w.want(cluster, name, ""), nil)
			}
			w.guard("frankfurt", reconcile.Enforce, "blue", "red")
			w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Organizations["white"] = false })
			w.people("frankfurt", "blue", "blue stopped", "red", "white", "prebuilt", "prebuilt")

			paris := w.Want.Providers["paris"]
			paris.Cordoned = "it moves to frankfurt"
			w.Want.Providers["paris"] = paris
			w.guard("paris", reconcile.Enforce, "blue")
			w.putGuard("paris", func(live *reconcile.AdmissionLive) { live.Mode, live.Digest = reconcile.EnforceAudit, "old" })
			w.people("paris", "blue", "?", "? stopped")
			w.in("eu", func(c *reconcile.ClusterLive) {
				c.Freezes = []reconcile.Freeze{
					{Provider: "frankfurt", Reason: "incident 7", By: "ada@laptop", Until: epoch().Add(time.Hour)},
					{Deletes: true, Reason: "over", By: "bob@laptop", Until: epoch().Add(-time.Hour)},
				}
			})

			w.Want.Organizations = map[string]reconcile.OrganizationWant{
				"blue": {DisplayName: "The blue ones", Default: "frankfurt"}, "red": {Default: "built-in"}, "white": {Default: "paris"},
			}
			w.Want.Places = map[string]reconcile.Place{
				"providers.frankfurt": {File: "providers/eu.yaml", Line: 3}, "allowlists.frankfurt": {File: "allow.cue", Line: 9},
				"allowlists.frankfurt.red": {File: "allow.cue", Line: 11}, "organizations.blue": {File: "people.cue", Line: 4},
				"clusters.eu": {File: "clusters.cue", Line: 7},
			}
			frankfurt := w.Want.Providers["frankfurt"]
			frankfurt.DisplayName, frankfurt.Region, frankfurt.Address = "Frankfurt am Main", "eu-central", "https://fra.example.com"
			w.Want.Providers["frankfurt"] = frankfurt
			w.Want.Clusters["eu"] = reconcile.ClusterWant{MaxConcurrent: 4, Region: "eu-central", Address: "https://eu.example.com:6443"}

			w.guard("boston", reconcile.EnforceAudit, "blue", "white")
			boston := w.Want.Providers["boston"]
			boston.Until = map[string]time.Time{"blue": epoch().Add(-time.Hour), "white": epoch().Add(time.Hour)}
			w.Want.Providers["boston"] = boston
			w.in("us", func(c *reconcile.ClusterLive) {
				c.Unenforceable = "Kubernetes v1.29.0 has no ValidatingAdmissionPolicy; there is one since v1.30"
			})
		},
		"organizations": func(w *world) {
			w.put(w.want("eu", "frankfurt", "blue"), nil)
			w.put(w.want("eu", "frankfurt", "red"), func(o *reconcile.Observed) {
				o.Health, o.Message = reconcile.Progressing, "Deployment provisioner: 0 of 1 replicas are available"
			})
		},
	}
}

// TestEverythingThatIsTold compares, for each situation, what people and machines read with the golden file.
func TestEverythingThatIsTold(t *testing.T) {
	for name, situation := range situations() {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			situation(w)
			r := decorate(w.report())
			archive := &txtar.Archive{Files: told(t, r)}
			path := filepath.Join("testdata", name+".txtar")
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i, file := range archive.Files {
				if i >= len(want.Files) {
					t.Fatalf("%s is missing; run go test -update and look at the difference", file.Name)
				}
				if diff := cmp.Diff(string(want.Files[i].Data), string(file.Data)); diff != "" {
					t.Errorf("%s: %s", file.Name, diff)
				}
			}
		})
	}
}

// decorate gives the plan what only rendering knows.
func decorate(r reconcile.Report) reconcile.Report {
	for i := range r.Plan.Actions {
		if a := &r.Plan.Actions[i]; a.ID.Kind == reconcile.KindRelease && (a.Op == reconcile.OpUpdate || a.Op == reconcile.OpCreate) {
			a.Diff = "Deployment/envproxy\n-  replicas: 1\n+  replicas: 2\n   # ``` not the end\x1b[2J\n"
			a.Risks = []string{"not reproducible: the chart calls now"}
		}
	}
	return r
}

func told(t *testing.T, r reconcile.Report) []txtar.File {
	t.Helper()
	var files []txtar.File
	add := func(name string, data string) {
		data = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(data, "sha256:…")
		files = append(files, txtar.File{Name: name, Data: []byte(strings.TrimRight(data, "\n") + "\n")})
	}
	add("table", Table(Providers(r)))
	add("lines", strings.Join(lineTexts(r), "\n"))
	for _, p := range Providers(r) {
		text, err := Explain(r, p.Name)
		if err != nil {
			t.Error(err)
		}
		add("explain "+p.Name, text)
	}
	add("plan.txt", PlanText(r.Plan, PlanView{}))
	add("plan.md", PlanMarkdown(r.Plan, true))
	add("plan.json", string(PlanJSON(r.Plan, true)))
	add("status.json", fetch(t, r, "/api/v1/status"))
	add("rollout.json", fetch(t, r, "/api/v1/rollout"))
	add("organizations.json", fetch(t, r, "/api/v1/organizations"))
	for _, name := range []string{"frankfurt"} {
		add("provider.json", fetch(t, r, "/api/v1/providers/"+name))
	}
	return files
}

// fetch asks the web for a path after a report.
func fetch(t *testing.T, r reconcile.Report, path string) string {
	t.Helper()
	web := &Web{Metrics: prometheus.NewRegistry()}
	web.Report(r)
	out := httptest.NewRecorder()
	Open(web.Handler()).ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
	if out.Code != http.StatusOK {
		t.Errorf("%s: %d", path, out.Code)
	}
	return out.Body.String()
}

func TestThePlanJSONHasTheContractsFields(t *testing.T) {
	w := newWorld()
	situations()["holds"](w)
	var doc map[string]any
	if err := json.Unmarshal(PlanJSON(w.report().Plan, false), &doc); err != nil {
		t.Fatal(err)
	}
	check := func(where string, v any, want ...string) {
		t.Helper()
		var got []string
		for key, value := range v.(map[string]any) {
			if value == nil {
				t.Errorf("%s.%s is null", where, key)
			}
			got = append(got, key)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", where, diff)
		}
	}
	check("plan", doc, "revision", "hash", "summary", "clusters")
	check("summary", doc["summary"], "create", "update", "repair", "adopt", "rollback", "delete", "orphan", "hold", "keep")
	for _, c := range doc["clusters"].([]any) {
		check("cluster", c, "name", "reachable", "error", "actions")
		for _, a := range c.(map[string]any)["actions"].([]any) {
			check("action", a, "op", "kind", "namespace", "name", "provider", "organization", "wave", "after",
				"reason", "class", "would", "message", "diff", "risks")
		}
	}
}

func TestTheSamePlanIsTheSameBytes(t *testing.T) {
	w := newWorld()
	situations()["trouble"](w)
	first := PlanJSON(w.report().Plan, true)
	slices.Reverse(w.Want.Items)
	if !bytes.Equal(first, PlanJSON(w.report().Plan, true)) {
		t.Error("the order of the items shows in the plan")
	}
}

func TestPlanTextIsColouredOnlyIfAsked(t *testing.T) {
	w := newWorld()
	situations()["rollout"](w)
	plan := decorate(w.report()).Plan
	if text := PlanText(plan, PlanView{}); strings.Contains(text, "\x1b") {
		t.Error("coloured")
	}
	if text := PlanText(plan, PlanView{Colour: true}); !strings.Contains(text, "\x1b[32mcreate\x1b[0m") {
		t.Errorf("not coloured: %q", text)
	}
}

func TestNothingToDoIsOneLine(t *testing.T) {
	w := newWorld()
	w.put(w.want("eu", "frankfurt", ""), nil)
	if got := PlanText(w.report().Plan, PlanView{}); got != "nothing to do, 1 kept\n" {
		t.Errorf("got %q", got)
	}
}

func TestExplainNamesWhatThereIs(t *testing.T) {
	w := newWorld()
	w.want("eu", "frankfurt", "")
	_, err := Explain(w.report(), "frankfrut")
	want := "explain frankfrut: no such provider is declared or installed; there are: built-in, frankfurt"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestEveryHoldSaysWhatEndsIt(t *testing.T) {
	for _, reason := range holdReasons() {
		if adviceFor(reason) == "" {
			t.Errorf("nobody is told what ends a hold that is %s", reason)
		}
	}
}

func TestTimesInGoldenFilesAreFixed(t *testing.T) {
	if epoch().Location() != time.UTC {
		t.Error("golden files would depend on the machine")
	}
}

func TestAdviceFitsWhatIsUnknown(t *testing.T) {
	chart := reconcile.Item{Broken: "charts/none: there is no Chart.yaml"}
	for name, c := range map[string]struct {
		action reconcile.Action
		want   string
	}{
		"cluster": {reconcile.Action{Want: chart, Message: "connection refused"}, "make the cluster answer"},
		"chart":   {reconcile.Action{Want: chart, Message: chart.Broken}, "correct chart in its declaration"},
		"storage": {reconcile.Action{Have: reconcile.Observed{State: reconcile.Corrupt, Failure: "x"}, Message: "its stored release cannot be read: x"},
			"restore or delete the newest revision"},
		"neither": {reconcile.Action{Have: reconcile.Observed{State: reconcile.Corrupt, Failure: "x"}, Message: "refused"},
			"make the cluster answer"},
		"another cluster": {reconcile.Action{Message: "cluster us was not looked at yet"}, "make the cluster answer"},
	} {
		c.action.Reason = reconcile.Unknown
		if got := advice(c.action); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %s…", name, got, c.want)
		}
	}
}

func TestAdviceFitsWhatIsGuarded(t *testing.T) {
	for cause, c := range map[string]struct {
		world func(w *world)
		want  string
	}{
		"nothing is declared": {func(w *world) { w.Want.Empty = true }, "put the declarations back"},
		"another history": {func(w *world) {
			for id, obs := range w.Live.Clusters["eu"].Releases {
				obs.Commit, obs.Stray = "5e6f7a8", true
				w.Live.Clusters["eu"].Releases[id] = obs
			}
		}, "merge that revision"},
		"too many": {func(w *world) { w.Want.Limits.MaxDelete = 1 }, "raise deployment.deletion"},
	} {
		w := newWorld()
		for _, name := range []string{"frankfurt", "paris"} {
			w.put(w.want("eu", name, ""), func(o *reconcile.Observed) { o.Policy = reconcile.Uninstall })
			delete(w.Want.Providers, name)
		}
		w.Want.Items = nil
		world := c.world
		world(w)
		for _, a := range w.report().Plan.Actions {
			if got := advice(a); a.Reason != reconcile.Guarded || !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: %s: %q, want %s…", cause, a.Reason, got, c.want)
			}
		}
	}
}

// docs/statuses.md explains each word that people read.
func TestEachWordIsExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/statuses.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range reconcile.Ops {
		if !strings.Contains(string(page), "\n| "+string(op)+" | ") {
			t.Errorf("op %s is not explained", op)
		}
	}
	for _, reason := range reconcile.Reasons {
		if !strings.Contains(string(page), "\n| "+string(reason)+" | ") {
			t.Errorf("reason %s is not explained", reason)
		}
	}
}
