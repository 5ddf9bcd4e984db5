package page

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/status"
)

// view is what of the overview somebody wants to see, and in which order. It comes from the query.
type view struct {
	Text         string // anywhere in a row
	Status       string // a status, or "held"
	Cluster      string
	Region       string
	Organization string // that may create environments there
	Group        string // "cluster", "region"; empty: none
	Sort         string // a column
	Down         bool   // the other way round
	Open         string // the row that is expanded
}

// maxQuery bounds what is taken from a query.
const maxQuery = 200

// viewOf reads a query. What makes no sense is as if it were not there.
func viewOf(q url.Values) view {
	get := func(key string) string { return cut(maxQuery, strings.TrimSpace(q.Get(key))) }
	v := view{
		Text: get("q"), Status: get("status"), Cluster: get("cluster"), Region: get("region"), Organization: get("organization"),
		Group: get("group"), Sort: get("sort"), Down: get("dir") == "down", Open: get("open"),
	}
	if v.Group != "cluster" && v.Group != "region" {
		v.Group = ""
	}
	if !slices.Contains(columns, v.Sort) {
		v.Sort = "name"
	}
	return v
}

// columns are those that rows can be ordered by.
var columns = []string{"name", "status", "cluster", "namespace", "version", "organizations", "environments"}

// query writes the view as the query of a link.
func (v view) query() url.Values {
	out := url.Values{}
	set := func(key, value string) {
		if value != "" {
			out.Set(key, value)
		}
	}
	set("q", v.Text)
	set("status", v.Status)
	set("cluster", v.Cluster)
	set("region", v.Region)
	set("organization", v.Organization)
	set("group", v.Group)
	if v.Sort != "name" {
		set("sort", v.Sort)
	}
	if v.Down {
		set("dir", "down")
	}
	return out
}

// link is the address of the view.
func (v view) link() string {
	if q := v.query().Encode(); q != "" {
		return "/?" + q
	}
	return "/"
}

// SortBy is the address of the same rows ordered by a column; by the one that they are ordered by already, the other
// way round.
func (v view) SortBy(column string) string {
	v.Down = v.Sort == column && !v.Down
	v.Sort = column
	return v.link()
}

// Only is the address of the rows in a status.
func (v view) Only(status string) string {
	if v.Status == status {
		status = ""
	}
	v.Status = status
	return v.link()
}

// Narrow says whether the view leaves rows out.
func (v view) Narrow() bool {
	return v.Text+v.Status+v.Cluster+v.Region+v.Organization != ""
}

// Clear is the address of all rows, in the same order.
func (v view) Clear() string { return view{Group: v.Group, Sort: v.Sort, Down: v.Down}.link() }

// shows says whether a row is to be seen.
func (v view) shows(r *row) bool {
	p := &r.provider
	switch {
	case v.Status == "held" && len(p.Holds) == 0, v.Status != "" && v.Status != "held" && v.Status != string(p.Status):
		return false
	case v.Cluster != "" && v.Cluster != p.Cluster, v.Region != "" && v.Region != p.Region:
		return false
	case v.Organization != "" && !slices.Contains(p.Organizations, v.Organization):
		return false
	}
	for word := range strings.FieldsSeq(strings.ToLower(v.Text)) {
		if !strings.Contains(r.search, word) {
			return false
		}
	}
	return true
}

// group is the heading under which a row stands.
func (v view) group(p *status.Provider) string {
	switch v.Group {
	case "cluster":
		return p.Cluster
	case "region":
		return p.Region
	}
	return ""
}

// order compares two rows.
func (v view) order(a, b *row) int {
	x, y := &a.provider, &b.provider
	by := v.column(x, y)
	if v.Down {
		by = -by
	}
	return cmp.Or(cmp.Compare(v.group(x), v.group(y)), by, cmp.Compare(x.Name, y.Name))
}

func (v view) column(a, b *status.Provider) int {
	switch v.Sort {
	case "status": // what needs somebody first
		worst := func(p *status.Provider) int {
			return slices.Index([]status.Status{status.Error, status.Pending, status.Ready}, p.Status)
		}
		return cmp.Compare(worst(a), worst(b))
	case "cluster":
		return cmp.Compare(a.Cluster, b.Cluster)
	case "namespace":
		return cmp.Compare(a.Namespace, b.Namespace)
	case "version":
		return cmp.Compare(a.Version, b.Version)
	case "organizations":
		return cmp.Compare(len(b.Organizations), len(a.Organizations))
	case "environments":
		return cmp.Compare(people(b).Count, people(a).Count)
	}
	return cmp.Compare(a.Name, b.Name)
}

// choices are what the filters offer: everything that there is, sorted.
type choices struct{ Clusters, Regions, Organizations []string }

func choicesOf(all []status.Provider) choices {
	clusters, regions, organizations := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range all {
		clusters[all[i].Cluster], regions[all[i].Region] = true, true
		for _, o := range all[i].Organizations {
			organizations[o] = true
		}
	}
	delete(regions, "")
	names := func(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
	return choices{names(clusters), names(regions), names(organizations)}
}
