package status

import (
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

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
	SHA      string    `json:"sha"`
	Author   string    `json:"author"`
	MergedBy string    `json:"mergedBy"` // who put it there, of a merge or of what somebody else wrote; empty: its author, or not known
	Subject  string    `json:"subject"`
	Time     time.Time `json:"time,omitzero"`
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
	Latency   float64   `json:"latency"` // seconds until it begins to answer, lately, rounded; 0: not known

	Region     string         `json:"region"`
	Address    string         `json:"address"`
	Missing    []string       `json:"missing"`   // permissions that are missing for what is planned there
	Providers  map[Status]int `json:"providers"` // how many are in each status
	DeclaredAt Place          `json:"declaredAt"`

	Freezes       []Freeze `json:"freezes"`       // what is stopped there now
	Unenforceable string   `json:"unenforceable"` // why no allowlist can be enforced there; empty: it can
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
		doc.Clusters = append(doc.Clusters, clusterDoc(&r, c.Name))
	}
	for i := range doc.Providers {
		p := &doc.Providers[i]
		full(p)
		for j := range doc.Clusters {
			if doc.Clusters[j].Name == p.Cluster {
				doc.Clusters[j].Providers[p.Status]++
			}
		}
	}
	missingRights(&r, doc.Clusters)
	return doc
}

// clusterDoc is a cluster as it is now.
func clusterDoc(r *reconcile.Report, name string) ClusterDoc {
	live, want := r.Live.Clusters[name], r.Want.Clusters[name]
	return ClusterDoc{
		Name: name, Reachable: live.Reachable, Error: clean(live.Err), Since: live.Since, Version: clean(live.Version),
		Looked: live.Looked, Held: live.Held, Holder: clean(live.Holder), Via: live.Via, Latency: live.Latency.Seconds(),
		Region: clean(want.Region), Address: want.Address, DeclaredAt: placeOf(*r, "clusters."+name),
		Missing: []string{}, Providers: map[Status]int{Pending: 0, Ready: 0, Error: 0},
		Freezes: append([]Freeze{}, frozenIn(live, r.Live.At)...), Unenforceable: clean(live.Unenforceable),
	}
}

// missingRights gathers, for each cluster, which rights the plan found to be missing.
func missingRights(r *reconcile.Report, clusters []ClusterDoc) {
	for _, a := range r.Plan.Actions {
		for _, risk := range a.Risks {
			right, is := strings.CutPrefix(risk, reconcile.MissingPermission)
			i := slices.IndexFunc(clusters, func(c ClusterDoc) bool { return c.Name == a.ID.Cluster })
			if c := &clusters[max(i, 0)]; is && i >= 0 && !slices.Contains(c.Missing, right) && len(c.Missing) < keptErrors {
				c.Missing = append(c.Missing, clean(right))
			}
		}
	}
	for i := range clusters {
		slices.Sort(clusters[i].Missing)
	}
}

// full makes lists without entries empty lists, so that readers find the same types everywhere.
func full(p *Provider) {
	p.Organizations = append([]string{}, p.Organizations...)
	p.Closed = append([]string{}, p.Closed...)
	p.Freezes = append([]Freeze{}, p.Freezes...)
	p.Environments = append([]Headcount{}, p.Environments...)
	p.Holds = append([]Hold{}, p.Holds...)
	p.Releases = append([]Release{}, p.Releases...)
	p.guard = nil // it is said by now, and would keep the report
}

func revisionDoc(c reconcile.Commit) RevisionDoc {
	return RevisionDoc{SHA: c.SHA, Author: clean(c.Author), MergedBy: clean(c.MergedBy), Subject: clean(c.Subject), Time: c.Time}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
