package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
)

// Batch is a number of releases to render at once; charts and clusters that several share are given once.
type Batch struct {
	Charts   map[string][]byte       `json:"charts"`   // archives by digest
	Clusters map[string]Capabilities `json:"clusters"` // by name
	Releases []BatchRelease          `json:"releases"`
}

// BatchRelease is one release of a Batch.
type BatchRelease struct {
	Chart     string `json:"chart"`   // key of Batch.Charts
	Cluster   string `json:"cluster"` // key of Batch.Clusters; one that is missing was not asked
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Revision  int    `json:"revision,omitempty"`
	Upgrade   bool   `json:"upgrade,omitempty"`
	Values    Values `json:"values,omitempty"`
}

// BatchResult has one Result for each release, in the same order.
type BatchResult struct {
	Releases []Result `json:"releases"`
}

// Result is what became of one release of a Batch: Error is empty, or the rest is.
type Result struct {
	Rendered
	Error string `json:"error,omitempty"`
}

// RenderJSON renders a Batch in JSON and returns a BatchResult in JSON. One release that cannot be
// rendered does not stop the others; an error is only returned where the input is no Batch.
func RenderJSON(in []byte) ([]byte, error) {
	var b Batch
	if err := json.Unmarshal(in, &b); err != nil {
		return nil, fmt.Errorf("batch of releases: %w", err)
	}
	var out bytes.Buffer
	each := json.NewEncoder(&out)
	next := `{"releases":[`
	for res := range b.results() {
		out.WriteString(next)
		if err := each.Encode(res); err != nil {
			return nil, fmt.Errorf("rendered releases: %w", err)
		}
		next = ","
	}
	if len(b.Releases) == 0 {
		out.WriteString(next)
	}
	out.WriteString("]}")
	return out.Bytes(), nil
}

// results renders one release after the other, so that not all of them need be in memory.
func (b Batch) results() iter.Seq[Result] {
	return func(yield func(Result) bool) {
		charts := map[string]*prepared{}
		for _, r := range b.Releases {
			rendered, err := b.render(r, charts)
			res := Result{Rendered: rendered}
			if err != nil {
				res.Error = err.Error()
			}
			if !yield(res) {
				return
			}
		}
	}
}

func (b Batch) render(r BatchRelease, charts map[string]*prepared) (Rendered, error) {
	p := charts[r.Chart]
	if p == nil {
		archive, ok := b.Charts[r.Chart]
		if !ok {
			return Rendered{}, fmt.Errorf("render %s/%s: its chart %s is not in the batch", r.Namespace, r.Name, r.Chart)
		}
		var err error
		if p, err = prepare(archive); err != nil {
			return Rendered{}, err
		}
		charts[r.Chart] = p
	}
	return p.render(RenderInput{Namespace: r.Namespace, Name: r.Name, Revision: r.Revision,
		Upgrade: r.Upgrade, Values: r.Values, Capabilities: b.Clusters[r.Cluster]})
}
