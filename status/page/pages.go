package page

import (
	"net/http"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// providerData is what the page of a provider and its details show.
type providerData struct {
	status.ProviderPage
	Repo     status.Repository
	Where    status.ClusterDoc // its cluster
	Steps    []status.StepDoc  // the newest of History
	Commands []command
	Edits    []status.Edit // that stand there now
	Repairs  []status.Event
	Whole    bool // it is the page, which has the whole history further down
	All      bool // whoever looks sees everything
}

// command is something that somebody may run, and what for.
type command struct{ What, Line string }

// shownSteps is how much of a release's history details show.
const shownSteps = 5

// providerData gathers what is known of a provider; false: there is none of that name.
func (s *Site) providerData(v status.View, name string) (providerData, bool) {
	page, there := v.Provider(name)
	if !there {
		return providerData{}, false
	}
	d := providerData{ProviderPage: page, Repo: v.Place(), All: v.Whose().All, Commands: commands(page)}
	d.Steps = page.History[:min(len(page.History), shownSteps)]
	for _, rel := range page.Releases {
		d.Edits = append(d.Edits, rel.Edits...)
	}
	for _, e := range page.Events {
		if len(e.Edits) > 0 {
			d.Repairs = append(d.Repairs, e)
		}
	}
	if doc, there := v.Status(); there {
		i := slices.IndexFunc(doc.Clusters, func(c status.ClusterDoc) bool { return c.Name == page.Provider.Cluster })
		if i >= 0 {
			d.Where = doc.Clusters[i]
		}
	}
	return d, true
}

// commands are what fits how a provider is.
func commands(p status.ProviderPage) []command {
	name := quote(p.Name)
	out := []command{{"Why it is so", "reconcile explain " + name}}
	if p.Status == status.Error || slices.ContainsFunc(p.Holds, retryable) {
		out = append(out, command{"Try again now", "reconcile retry " + name})
	}
	if len(p.Freezes) == 0 {
		out = append(out, command{"Stop all changes", "reconcile freeze --provider " + name + ` --reason "…" --for 2h`})
	}
	for _, f := range p.Freezes {
		out = append(out, command{"End the freeze", f.Thaw(p.Provider.Cluster)})
	}
	return out
}

// retryable says whether trying again now ends a hold.
func retryable(h status.Hold) bool {
	return slices.Contains([]reconcile.Reason{reconcile.RolledBack, reconcile.BackingOff, reconcile.Contested}, h.Reason)
}

func (s *Site) provider(in *http.Request) (content, bool) {
	name := in.PathValue("name")
	d, there := s.providerData(s.see(in), name)
	d.Whole = true
	return content{"provider", name, d}, there
}

// details answers with what a row expands to.
func (s *Site) details(out http.ResponseWriter, in *http.Request) {
	d, there := s.providerData(s.see(in), in.PathValue("name"))
	if !there {
		http.NotFound(out, in)
		return
	}
	html, err := render("overview", "details", d)
	if err != nil {
		http.Error(out, "the details cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	send(out, in, http.StatusOK, []byte(html))
}

func (s *Site) rollout(in *http.Request) (content, bool) {
	doc, there := s.see(in).Rollout()
	return content{"rollout", "Rollout", doc}, there
}

func (s *Site) clusters(in *http.Request) (content, bool) {
	doc, there := s.see(in).Status()
	if !there {
		return content{}, false
	}
	return content{"clusters", "Clusters", doc.Clusters}, true
}

func (s *Site) organizations(in *http.Request) (content, bool) {
	all, there := s.see(in).Organizations()
	return content{"organizations", "Organizations", all}, there
}

func (s *Site) organization(in *http.Request) (content, bool) {
	all, _ := s.see(in).Organizations()
	i := slices.IndexFunc(all, func(o status.OrganizationDoc) bool { return o.Name == in.PathValue("name") })
	if i < 0 {
		return content{}, false
	}
	return content{"organization", all[i].Name, all[i]}, true
}

func (s *Site) revisions(in *http.Request) (content, bool) {
	all, there := s.see(in).Revisions()
	return content{"revisions", "Revisions", all}, there
}

// revisionData is a revision, and what was done for it, newest first.
type revisionData struct {
	status.RevisionPage
	Timeline []doneData
}

// doneData is something that was done for a revision, and to what.
type doneData struct {
	status.DoneDoc
	Cluster, What string
}

func (s *Site) revision(in *http.Request) (content, bool) {
	page, there := s.see(in).Revision(in.PathValue("sha"))
	d := revisionData{RevisionPage: page}
	for _, row := range page.Rows {
		for _, done := range row.Done {
			d.Timeline = append(d.Timeline, doneData{done, row.Cluster, row.Kind + " " + row.Namespace + "/" + row.Name})
		}
	}
	slices.SortStableFunc(d.Timeline, func(a, b doneData) int { return b.At.Compare(a.At) })
	return content{"revision", "Revision " + short(page.SHA), d}, there
}
