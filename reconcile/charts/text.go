package charts

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	helm "helm.sh/helm/v3/pkg/release"
)

// Text is a release as Helm renders it. Where it is known, Helm need not render the release once more: it is given the
// Chart of the text in place of the real one, and the text as its post-renderer.
type Text struct {
	Manifest string            `json:"manifest"`        // all objects but hooks, as Helm stores them
	Hooks    map[string]string `json:"hooks,omitempty"` // what holds hooks, by template
	Notes    string            `json:"notes,omitempty"` // of the chart itself
}

// document is one that was read, and where. One of comments alone has no header.
type document struct {
	template string
	text     string
	header   header
}

// hook says whether Helm takes it for a hook.
func (d document) hook() bool {
	_, is := d.header.annotations[helm.HookAnnotation]
	return is
}

// text is what was read as Helm has it, and the notes beside it.
func (r *reader) text(notes string) *Text {
	out := &Text{Hooks: map[string]string{}, Notes: notes}
	var plain []document
	for _, d := range r.texts {
		if d.hook() {
			out.Hooks[d.template] += "---\n" + d.text + "\n"
		} else {
			plain = append(plain, d)
		}
	}
	order := installOrder()
	slices.SortStableFunc(plain, func(a, b document) int { return order.compare(a.header.kind, b.header.kind) })
	var manifest strings.Builder
	for _, d := range plain {
		fmt.Fprintf(&manifest, "---\n# Source: %s\n%s\n", d.template, d.text)
	}
	out.Manifest = manifest.String()
	return out
}

// notesFile is the end of the names of what is for people to read.
const notesFile = "NOTES.txt"

// takeNotes takes what is no manifest out of rendered files and returns what the chart itself has to say.
func takeNotes(ch *chart.Chart, files map[string]string) string {
	notes := files[path.Join(ch.Name(), "templates", notesFile)]
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, notesFile) })
	return notes
}

// Chart is a chart that renders to nothing but the hooks and notes of the text, whatever the values. It defines what the
// real one does.
func (t *Text) Chart(of *chart.Chart) *chart.Chart {
	metadata := *of.Metadata
	metadata.Dependencies = nil
	out := &chart.Chart{Metadata: &metadata}
	add := func(name, text string) {
		literal := strings.ReplaceAll(text, "{{", "{{`{{`}}")
		out.Templates = append(out.Templates, &chart.File{Name: name, Data: []byte(literal)})
	}
	for name, text := range t.Hooks {
		add(strings.TrimPrefix(name, of.Name()+"/"), text)
	}
	if t.Notes != "" {
		add("templates/"+notesFile, t.Notes)
	}
	for _, crd := range of.CRDObjects() {
		out.Files = append(out.Files, crd.File)
	}
	return out
}

// Run returns the manifest: it is a post-renderer of Helm's, to which nothing is left to do.
func (t *Text) Run(*bytes.Buffer) (*bytes.Buffer, error) {
	return bytes.NewBufferString(t.Manifest), nil
}
