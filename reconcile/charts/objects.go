package charts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	helm "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// Object is one object for a cluster.
type Object struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Namespace  string          `json:"namespace,omitempty"` // where it goes; empty for cluster-scoped kinds
	Name       string          `json:"name"`
	Body       json.RawMessage `json:"body"`               // canonical JSON: keys sorted, no space
	Document   string          `json:"document,omitempty"` // digest of the YAML that it alone was read from
}

// Hook is an object that Helm creates at certain moments and does not keep track of.
type Hook struct {
	Object
	Events []string `json:"events"` // "pre-install"
	Weight int      `json:"weight"`
}

// group is the API group: "apps", empty for the core.
func (o Object) group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

func (o Object) key() string {
	return strings.Join([]string{o.Kind, o.Namespace, o.Name, o.group()}, "/")
}

// String is how people see it: "Deployment coder/envproxy".
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// readManifests reads rendered files, by template, into objects and hooks.
func readManifests(files map[string]string, namespace string, risks riskSet) (*reader, error) {
	r := &reader{namespace: namespace, risks: risks, seen: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := r.file(name, files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	order := installOrder()
	slices.SortStableFunc(r.objects, func(a, b Object) int { return order.compare(a.Kind, b.Kind) })
	slices.SortStableFunc(r.hooks, func(a, b Hook) int {
		return cmp.Or(cmp.Compare(a.Weight, b.Weight), order.compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return r, nil
}

// kindOrder is the place of each kind in the order of an install.
type kindOrder map[string]int

func installOrder() kindOrder {
	out := kindOrder{}
	for i, kind := range releaseutil.InstallOrder {
		out[kind] = i + 1
	}
	return out
}

// compare puts kinds that Helm does not know last, by name.
func (o kindOrder) compare(a, b string) int {
	last := len(o) + 1
	if c := cmp.Compare(cmp.Or(o[a], last), cmp.Or(o[b], last)); c != 0 || o[a] != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// reader gathers the objects of one release.
type reader struct {
	namespace string
	risks     riskSet
	seen      map[string]string // object: where it was
	objects   []Object
	hooks     []Hook
	noHooks   bool              // what is annotated as a hook is an object like any other
	known     map[string]Object // by document
	texts     []document        // all but empty ones
}

// file reads the documents of one file, which are cut where Helm cuts them: at every line that begins
// with three dashes, even within a text.
func (r *reader) file(name, text string) error {
	for doc := range strings.SplitSeq("\n"+strings.TrimSpace(text), "\n---") {
		if err := r.document(name, documentOf(doc)); err != nil {
			return err
		}
	}
	return nil
}

// documentOf is a document without what Helm puts in front of it when it stores a manifest.
func documentOf(doc string) string {
	doc = strings.TrimSpace(doc)
	if strings.HasPrefix(doc, "# Source: ") {
		_, doc, _ = strings.Cut(doc, "\n")
	}
	return strings.TrimSpace(doc)
}

// DocumentDigest is what Object.Document says of an object that is all there is in a document of a manifest.
func DocumentDigest(doc string) string { return digestOf([]byte(documentOf(doc))) }

// document reads one document, unless it is known what is in it.
func (r *reader) document(name, text string) error {
	digest := digestOf([]byte(text))
	if o, known := r.known[digest]; known {
		return r.add(name, o)
	}
	body, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return fmt.Errorf("YAML: %w", err)
	}
	if string(body) == "null" { // nothing, or comments only
		if text != "" {
			r.texts = append(r.texts, document{template: name, text: text})
		}
		return nil
	}
	h, err := readHeader(body)
	if err != nil {
		return err
	}
	r.texts = append(r.texts, document{template: name, text: text, header: h})
	return r.object(name, digest, h, body)
}

// object reads one object of a document; the items of a list count each for itself, as they do for Helm.
func (r *reader) object(name, document string, h header, body []byte) error {
	if strings.HasSuffix(h.kind, "List") && h.items != nil {
		return r.items(name, h.items)
	}
	if h.name == "" {
		return fmt.Errorf("a %s has no metadata.name", h.kind)
	}
	o := Object{APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Body: body, Document: document}
	o.Namespace = place(o, h.namespace, r.namespace)
	if len(r.objects)+len(r.hooks) >= maxObjects {
		return fmt.Errorf("the release has more than %d objects", maxObjects)
	}
	if events, ok := h.annotations[helm.HookAnnotation]; ok && !r.noHooks {
		return r.hook(o, h, events)
	}
	return r.add(name, o)
}

// add takes an object, which there may be once.
func (r *reader) add(name string, o Object) error {
	if before, twice := r.seen[o.key()]; twice {
		return fmt.Errorf("%s is made here and in %s; give one of them another name", o, before)
	}
	r.seen[o.key()] = name
	r.objects = append(r.objects, o)
	return nil
}

func (r *reader) items(name string, items []any) error {
	for _, item := range items {
		body, err := json.Marshal(item)
		if err != nil {
			return err
		}
		h, err := readHeader(body)
		if err != nil {
			return err
		}
		if err := r.object(name, "", h, body); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) hook(o Object, h header, events string) error {
	hook := Hook{Object: o}
	hook.Weight, _ = strconv.Atoi(h.annotations[helm.HookWeightAnnotation]) // Helm: 0 if it is no number
	for event := range strings.SplitSeq(events, ",") {
		event = strings.ToLower(strings.TrimSpace(event))
		if !hookEvent(event) {
			r.risks.add("unknown hook", fmt.Sprintf("Helm never creates %s (%s)", o, event))
			return nil
		}
		hook.Events = append(hook.Events, event)
	}
	r.hooks = append(r.hooks, hook)
	return nil
}

// place is the namespace an object goes to.
func place(o Object, own, release string) string {
	if clusterScoped(o.group(), o.Kind) {
		return ""
	}
	return cmp.Or(own, release)
}

// readCRDs reads what the chart, and the charts in it, have under crds/. Helm would apply whatever it
// finds there without keeping track of it, so anything else is refused.
func (p *prepared) readCRDs(ch *chart.Chart) ([]Object, error) {
	var out []Object
	for _, crd := range ch.CRDObjects() {
		objects, known := p.crds[string(crd.File.Data)]
		if !known {
			r := reader{seen: map[string]string{}, noHooks: true}
			if err := r.file(crd.Filename, string(crd.File.Data)); err != nil {
				return nil, fmt.Errorf("%s: %w", crd.Filename, err)
			}
			objects = r.objects
			p.crds[string(crd.File.Data)] = objects
		}
		for _, o := range objects {
			if o.Kind != "CustomResourceDefinition" {
				return nil, fmt.Errorf("%s: crds/ holds %s; only custom resource definitions belong there", crd.Filename, o)
			}
		}
		out = append(out, objects...)
	}
	return out, nil
}
