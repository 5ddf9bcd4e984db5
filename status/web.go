package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Web answers over HTTP from the newest report. It changes nothing, sets no cookies and asks no cluster.
type Web struct {
	Metrics prometheus.Gatherer // what /metrics shows

	// Shown is the plan that was shown of a merged commit; may be nil.
	Shown func(sha string) (reconcile.Shown, bool)

	archive archive
	mu      sync.Mutex // guards report
	report  *reconcile.Report
}

// StatusDoc is what /api/v1/status answers.
type StatusDoc struct {
	Deployment string          `json:"deployment"`
	At         time.Time       `json:"at,omitzero"` // of the look it tells about
	Revision   RevisionDoc     `json:"revision"`    // in force; empty before one was valid
	Head       RevisionDoc     `json:"head"`        // the newest seen
	HeadError  string          `json:"headError"`   // why head is not in force
	FetchError string          `json:"fetchError"`  // why the repository cannot be read now
	Statuses   []StatusLineDoc `json:"statuses"`    // as posted on commits
	Clusters   []ClusterDoc    `json:"clusters"`    // sorted by name
	Providers  []Provider      `json:"providers"`   // sorted by name
	Summary    Summary         `json:"summary"`     // of the plan
	AccessURL  AccessURLDoc    `json:"accessURL"`
}

// RevisionDoc is a revision of the declarations.
type RevisionDoc struct {
	SHA     string    `json:"sha"`
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time,omitzero"`
}

// StatusLineDoc is a commit status.
type StatusLineDoc struct {
	SHA     string    `json:"sha"`
	Context string    `json:"context"`
	State   LineState `json:"state"`
	Text    string    `json:"text"`
}

// ClusterDoc is a cluster as it is now.
type ClusterDoc struct {
	Name      string    `json:"name"`
	Reachable bool      `json:"reachable"`
	Error     string    `json:"error"` // who could not reach whom
	Since     time.Time `json:"since,omitzero"`
	Version   string    `json:"version"` // of Kubernetes
	Looked    bool      `json:"looked"`  // everything in it was seen since the program started
	Held      bool      `json:"held"`    // this process acts on it
	Holder    string    `json:"holder"`  // who does
	Via       string    `json:"via"`     // the replica that tells of it; empty: it was looked at from here

	Freezes       []Freeze `json:"freezes"`       // what is stopped there now
	Unenforceable string   `json:"unenforceable"` // why no allowlist can be enforced there; empty: it can
}

// Report makes a report what is answered.
func (w *Web) Report(r reconcile.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report = &r
}

func (w *Web) newest() *reconcile.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.report
}

// Handler answers everything: Pages and Probes.
func (w *Web) Handler() http.Handler {
	mux := http.NewServeMux()
	w.addPages(mux)
	w.addProbes(mux)
	return harden(mux)
}

// Pages answers /, /api/v1/status and /api/v1/plan.
func (w *Web) Pages() http.Handler {
	mux := http.NewServeMux()
	w.addPages(mux)
	return harden(mux)
}

// Probes answers /healthz, /readyz and /metrics.
func (w *Web) Probes() http.Handler {
	mux := http.NewServeMux()
	w.addProbes(mux)
	return harden(mux)
}

func (w *Web) addPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", w.index)
	mux.HandleFunc("GET /api/v1/status", w.status)
	mux.HandleFunc("GET /api/v1/plan", w.plan)
	mux.HandleFunc("GET /revisions/{sha}", w.revision(false))
	mux.HandleFunc("GET /api/v1/revisions/{sha}", w.revision(true))
}

func (w *Web) addProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) { text(out, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", w.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.Metrics, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
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
/revisions/<sha> what a commit would do, was shown to do, and did (as JSON: /api/v1/revisions/<sha>)
/metrics         for Prometheus
/readyz          whether everything was looked at once, or what is missing
/healthz         whether the program lives
`)
}

// ready answers whether the program knows what is wanted and has looked at everything that answers.
func (w *Web) ready(out http.ResponseWriter, _ *http.Request) {
	if why := Unready(w.newest()); why != "" {
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

func (w *Web) status(out http.ResponseWriter, _ *http.Request) {
	r := w.newest()
	if r == nil {
		text(out, http.StatusServiceUnavailable, Unready(nil)+"\n")
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(statusDoc(*r)); err != nil {
		panic(fmt.Sprintf("status is not JSON: %v", err)) // it holds strings, numbers and times only
	}
	write(out, "application/json", b.Bytes())
}

func (w *Web) plan(out http.ResponseWriter, in *http.Request) {
	r := w.newest()
	if r == nil {
		text(out, http.StatusServiceUnavailable, Unready(nil)+"\n")
		return
	}
	write(out, "application/json", PlanJSON(r.Plan, in.URL.Query().Get("verbose") == "true"))
}

// statusDoc gathers what a report says.
func statusDoc(r reconcile.Report) StatusDoc {
	doc := StatusDoc{
		Deployment: r.Want.Owner, At: r.Live.At, Revision: revisionDoc(r.Commit), Head: revisionDoc(r.Head),
		HeadError: message(r.HeadErr), FetchError: message(r.FetchErr), Summary: summaryOf(r.Plan),
		AccessURL: AccessURL(r), Statuses: []StatusLineDoc{}, Clusters: []ClusterDoc{}, Providers: Providers(r),
	}
	for _, l := range Lines(r) {
		doc.Statuses = append(doc.Statuses, StatusLineDoc{SHA: l.SHA, Context: l.Context, State: l.State, Text: l.Text})
	}
	for _, c := range clustersOf(r.Plan) {
		live := r.Live.Clusters[c.Name]
		doc.Clusters = append(doc.Clusters, ClusterDoc{
			Name: c.Name, Reachable: live.Reachable, Error: clean(live.Err), Since: live.Since, Version: live.Version,
			Looked: live.Looked, Held: live.Held, Holder: live.Holder, Via: live.Via, Unenforceable: clean(live.Unenforceable),
			Freezes: append([]Freeze{}, frozenIn(live, r.Live.At)...),
		})
	}
	for i := range doc.Providers {
		full(&doc.Providers[i])
	}
	return doc
}

// full makes lists without entries empty lists, so that readers find the same types everywhere.
func full(p *Provider) {
	p.Organizations = append([]string{}, p.Organizations...)
	p.Closed = append([]string{}, p.Closed...)
	p.Freezes = append([]Freeze{}, p.Freezes...)
	p.Environments = append([]Headcount{}, p.Environments...)
	p.Holds = append([]Hold{}, p.Holds...)
	p.Releases = append([]Release{}, p.Releases...)
}

func revisionDoc(c reconcile.Commit) RevisionDoc {
	return RevisionDoc{SHA: c.SHA, Author: clean(c.Author), Subject: clean(c.Subject), Time: c.Time}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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
