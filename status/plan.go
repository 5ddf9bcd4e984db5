package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// PlanDoc is a plan as JSON: what reconcile --dry-run -o json prints and /api/v1/plan answers.
type PlanDoc struct {
	Revision string        `json:"revision"`
	Hash     string        `json:"hash"`    // "sha256:…" over the plan's inputs
	Summary  Summary       `json:"summary"` // of all actions, listed or not
	Clusters []PlanCluster `json:"clusters"`

	AccessURL *AccessURLDoc `json:"accessURL,omitempty"` // while it changes
}

// Summary counts the actions of a plan by op.
type Summary struct {
	Create   int `json:"create"`
	Update   int `json:"update"`
	Repair   int `json:"repair"`
	Adopt    int `json:"adopt"`
	Rollback int `json:"rollback"`
	Delete   int `json:"delete"`
	Orphan   int `json:"orphan"`
	Hold     int `json:"hold"`
	Keep     int `json:"keep"`
}

// PlanCluster is one cluster of a plan.
type PlanCluster struct {
	Name      string       `json:"name"`
	Reachable bool         `json:"reachable"`
	Error     string       `json:"error"`   // who could not reach whom
	Actions   []PlanAction `json:"actions"` // in the order of the plan; keep only if asked for
}

// PlanAction is one line of a plan.
type PlanAction struct {
	Op           reconcile.Op     `json:"op"`
	Kind         string           `json:"kind"`
	Namespace    string           `json:"namespace"`
	Name         string           `json:"name"`
	Provider     string           `json:"provider"`
	Organization string           `json:"organization"`
	Wave         int              `json:"wave"`
	After        []string         `json:"after"` // "cluster/Kind/namespace/name", or an earlier wave and how far it is
	Reason       reconcile.Reason `json:"reason"`
	Class        reconcile.Class  `json:"class"` // of a hold
	Would        reconcile.Op     `json:"would"` // of a hold: what it would be if nothing held it
	Message      string           `json:"message"`
	Diff         string           `json:"diff"`
	Risks        []string         `json:"risks"`
}

// PlanJSON writes a plan as a PlanDoc, indented and with a line break at the end. Actions that keep what
// is there are listed only where verbose.
func PlanJSON(p reconcile.Plan, verbose bool) []byte {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(planDoc(p, verbose)); err != nil {
		panic(fmt.Sprintf("plan of %s is not JSON: %v", p.Revision, err)) // it holds strings and numbers only
	}
	return b.Bytes()
}

func planDoc(p reconcile.Plan, verbose bool) PlanDoc {
	doc := PlanDoc{Revision: p.Revision, Hash: p.Hash(), Summary: summaryOf(p), Clusters: []PlanCluster{}}
	if p.URL != nil {
		change := changeDoc(p.URL)
		doc.AccessURL = &change
	}
	byCluster := listed(p, verbose)
	for _, c := range clustersOf(p) {
		pc := PlanCluster{Name: c.Name, Reachable: c.Reachable, Error: clean(c.Err), Actions: []PlanAction{}}
		for _, a := range byCluster[c.Name] {
			pc.Actions = append(pc.Actions, planAction(a))
		}
		doc.Clusters = append(doc.Clusters, pc)
	}
	return doc
}

func planAction(a reconcile.Action) PlanAction {
	after := make([]string, len(a.After))
	for i, id := range a.After {
		after[i] = id.String()
	}
	if a.Waits != "" {
		after = append(after, a.Waits)
	}
	return PlanAction{
		Op: a.Op, Kind: a.ID.Kind, Namespace: a.ID.Namespace, Name: a.ID.Name, Provider: a.Provider,
		Organization: a.Organization, Wave: a.Wave, After: after, Reason: a.Reason, Class: a.Class, Would: a.Would,
		Message: clean(a.Message), Diff: a.Diff, Risks: append([]string{}, a.Risks...),
	}
}

func summaryOf(p reconcile.Plan) Summary {
	n := p.Summary()
	return Summary{
		Create: n[reconcile.OpCreate], Update: n[reconcile.OpUpdate], Repair: n[reconcile.OpRepair],
		Adopt: n[reconcile.OpAdopt], Rollback: n[reconcile.OpRollback], Delete: n[reconcile.OpDelete],
		Orphan: n[reconcile.OpOrphan], Hold: n[reconcile.OpHold], Keep: n[reconcile.OpKeep],
	}
}

// listed are the actions to show, by cluster, in the order of the plan.
func listed(p reconcile.Plan, verbose bool) map[string][]reconcile.Action {
	out := map[string][]reconcile.Action{}
	for _, a := range p.Actions {
		if a.Op != reconcile.OpKeep || verbose {
			out[a.ID.Cluster] = append(out[a.ID.Cluster], a)
		}
	}
	return out
}

// clustersOf lists the plan's clusters by name, those too that only an action names.
func clustersOf(p reconcile.Plan) []reconcile.ClusterState {
	out := slices.Clone(p.Clusters)
	for _, a := range p.Actions {
		known := func(c reconcile.ClusterState) bool { return c.Name == a.ID.Cluster }
		if !slices.ContainsFunc(out, known) {
			out = append(out, reconcile.ClusterState{Name: a.ID.Cluster})
		}
	}
	slices.SortFunc(out, func(a, b reconcile.ClusterState) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}
