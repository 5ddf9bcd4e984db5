package status

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Changed is closed when there is another report.
func (w *Web) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// Status is what /api/v1/status answers; false: nothing was looked at yet. It is not to be written to.
func (w *Web) Status() (*StatusDoc, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.report == nil {
		return nil, false
	}
	if w.doc == nil {
		doc := statusDoc(*w.report)
		w.doc = &doc
	}
	return w.doc, true
}

// Provider is what /api/v1/providers/<name> answers; false: there is none of that name.
func (w *Web) Provider(ctx context.Context, name string) (ProviderPage, bool) {
	r := w.newest()
	if r == nil {
		return ProviderPage{}, false
	}
	page, there := ProviderReport(*r, name)
	page.Events = w.journal.of(name)
	if w.Objects == nil {
		return page, there
	}
	for _, rel := range page.Releases {
		id := reconcile.ID{Cluster: rel.Cluster, Kind: reconcile.KindRelease, Namespace: rel.Namespace, Name: rel.Name}
		page.Objects = append(page.Objects, w.Objects(ctx, id)...)
	}
	slices.SortStableFunc(page.Objects, func(a, b ObjectDoc) int { return cmp.Compare(a.rank(), b.rank()) })
	return page, there
}

// Rollout is what /api/v1/rollout answers; false: nothing was looked at yet.
func (w *Web) Rollout() (RolloutDoc, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.report == nil {
		return RolloutDoc{}, false
	}
	if w.waves == nil {
		doc := Rollout(*w.report)
		w.waves = &doc
	}
	return *w.waves, true
}

// Organizations is what /api/v1/organizations answers; false: nothing was looked at yet.
func (w *Web) Organizations() ([]OrganizationDoc, bool) { return ask(w, Organizations) }

// Place is where people look at the declarations on their forge.
func (w *Web) Place() Repository {
	if w.Repository == nil {
		return Repository{}
	}
	return w.Repository()
}

// pool is what an organization may choose from.
func (w *Web) pool(name string) (PoolDoc, bool) {
	all, _ := w.Organizations()
	i := slices.IndexFunc(all, func(o OrganizationDoc) bool { return o.Name == name })
	if i < 0 {
		return PoolDoc{}, false
	}
	return all[i].Pool(), true
}

// ask says what a view makes of the newest report; false: there is none.
func ask[T any](w *Web, view func(reconcile.Report) T) (out T, there bool) {
	if r := w.newest(); r != nil {
		return view(*r), true
	}
	return out, false
}

// reply answers with a document, or that nothing was looked at yet.
func reply[T any](doc func() (T, bool)) http.HandlerFunc {
	return func(out http.ResponseWriter, _ *http.Request) {
		got, there := doc()
		if !there {
			text(out, http.StatusServiceUnavailable, Unready(nil)+"\n")
			return
		}
		write(out, "application/json", asJSON(got))
	}
}

// named answers with the document of a name, or that there is none.
func named[T any](doc func(string) (T, bool), what string) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		got, there := doc(in.PathValue("name"))
		if !there {
			text(out, http.StatusNotFound, "nothing is known of this "+what+"\n")
			return
		}
		write(out, "application/json", asJSON(got))
	}
}

func asJSON(doc any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		panic(fmt.Sprintf("a %T is not JSON: %v", doc, err)) // documents hold strings, numbers and times only
	}
	return b.Bytes()
}
