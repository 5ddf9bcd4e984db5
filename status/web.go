package status

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Web answers over HTTP from the newest report, to each what he may see. It changes nothing, sets no cookies and asks
// no cluster, but through Objects.
type Web struct {
	Metrics prometheus.Gatherer // what /metrics shows

	// Shown is the plan that was shown of a merged commit; may be nil.
	Shown func(sha string) (reconcile.Shown, bool)

	// Objects are those of a release, for somebody who looks at it; may be nil.
	Objects func(release reconcile.ID) []ObjectDoc

	Front      Front             // the pages for people; the zero value: a text that names what there is
	Repository func() Repository // where people look at the declarations; may be nil

	archive  archive
	journal  journal
	mu       sync.Mutex // guards what follows
	report   *reconcile.Report
	outlooks map[string]*outlook // as somebody sees it, once he asked
	waves    *RolloutDoc         // likewise
	changed  chan struct{}       // closed when there is another report
}

// Front is what there is for people.
type Front struct {
	Routes []Route
	Denied http.Handler // answers who may not see a page
}

// Report makes a report what is answered.
func (w *Web) Report(r reconcile.Report) {
	w.journal.take(&r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report, w.outlooks, w.waves = &r, nil, nil
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

func (w *Web) newest() *reconcile.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.report
}

// Handler answers everything: Pages and Probes.
func (w *Web) Handler() http.Handler { return w.serve(w.Routes()) }

// Pages answers everything for people and programs but Probes.
func (w *Web) Pages() http.Handler { return w.serve(w.pages()) }

// Probes answers /healthz, /readyz and, to those whom they are for, /metrics.
func (w *Web) Probes(metrics Access) http.Handler { return w.serve(w.probes(metrics)) }

// Routes are all routes that Handler answers.
func (w *Web) Routes() []Route { return slices.Concat(w.pages(), w.probes(Managers)) }

func (w *Web) serve(routes []Route) http.Handler {
	return harden(Mux(w.Front.Denied, routes...))
}

// pages are all routes for people and programs.
func (w *Web) pages() []Route {
	api := []Route{
		{"GET /api/v1/status", Members, reply(w, View.Status)},
		{"GET /api/v1/plan", Managers, http.HandlerFunc(w.plan)},
		{"GET /api/v1/rollout", Managers, reply(w, View.Rollout)},
		{"GET /api/v1/organizations", Members, reply(w, View.Organizations)},
		{"GET /api/v1/organizations/{name}/providers", Members, named(w, View.pool, "organization")},
		{"GET /api/v1/providers/{name}", Members, named(w, View.Provider, "provider")},
		{"GET /api/v1/revisions", Managers, reply(w, View.Revisions)},
		{"GET /api/v1/revisions/{name}", Managers, named(w, View.Revision, "revision")},
	}
	if len(w.Front.Routes) == 0 {
		return append(api, Route{"GET /{$}", Members, http.HandlerFunc(w.index)})
	}
	return append(api, w.Front.Routes...)
}

// probes are the routes for what watches over the program.
func (w *Web) probes(metrics Access) []Route {
	return []Route{
		{"GET /healthz", Anybody, http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { text(out, http.StatusOK, "ok\n") })},
		{"GET /readyz", Anybody, http.HandlerFunc(w.ready)},
		{"GET /metrics", metrics, promhttp.HandlerFor(w.Metrics, promhttp.HandlerOpts{
			EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
		})},
	}
}

// harden sets the headers of answers that nobody frames, caches or takes for what they are not.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		h := out.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(out, in)
	})
}

func (w *Web) index(out http.ResponseWriter, _ *http.Request) {
	text(out, http.StatusOK, `reconcile

/api/v1/status   providers, clusters and revisions, as JSON
/api/v1/plan     what lies between what is declared and what is live, as JSON (?verbose=true lists what is kept)
/api/v1/rollout  how far what is declared has gone out, wave by wave
/api/v1/providers/<name>               one provider, with what happened to it
/api/v1/organizations                  the organizations, and what each may choose from
/api/v1/organizations/<name>/providers the same of one
/api/v1/revisions                      the commits of which something is known
/api/v1/revisions/<sha>                what a commit would do, was shown to do, and did
/metrics         for Prometheus
/readyz          whether everything was looked at once, or what is missing
/healthz         whether the program lives
`)
}

// ready answers whether the program knows what is wanted and has looked at everything that answers. What is missing is
// for who sees everything.
func (w *Web) ready(out http.ResponseWriter, in *http.Request) {
	why := Unready(w.newest())
	switch {
	case why != "" && !ViewerOf(in.Context()).All:
		text(out, http.StatusServiceUnavailable, "not ready\n")
		return
	case why != "":
		text(out, http.StatusServiceUnavailable, "not ready: "+why+"\n")
		return
	}
	text(out, http.StatusOK, "ready\n")
}

// Unready says what is missing before the program is ready: a valid revision in force and a first look at
// every cluster that answers. Empty: nothing is. A nil report is none so far.
func Unready(r *reconcile.Report) string {
	if r == nil {
		return "nothing was looked at yet"
	}
	if r.Commit.SHA == "" {
		return "no valid revision of the declarations so far" + because(r.HeadErr, r.FetchErr)
	}
	for _, c := range clustersOf(r.Plan) {
		if _, seen := reach(r, c.Name); !seen {
			return unseen(c.Name)
		}
	}
	return ""
}

// because shows the first line of the first error there is.
func because(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			line, _ := firstLine(err.Error())
			return ": " + line
		}
	}
	return ""
}

func (w *Web) plan(out http.ResponseWriter, in *http.Request) {
	plan, there := w.See(ViewerOf(in.Context())).plan()
	if !there {
		text(out, http.StatusServiceUnavailable, Unready(nil)+"\n")
		return
	}
	write(out, "application/json", PlanJSON(plan, in.URL.Query().Get("verbose") == "true"))
}

func text(out http.ResponseWriter, code int, body string) {
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out.WriteHeader(code)
	_, _ = out.Write([]byte(body)) // a client that went away is nobody's loss
}

func write(out http.ResponseWriter, kind string, body []byte) {
	out.Header().Set("Content-Type", kind)
	_, _ = out.Write(body) // a client that went away is nobody's loss
}
