package charts

import (
	"errors"
	"fmt"
)

// header is what is read of every object. Keys count letter by letter, as they do for the API server:
// to encoding/json "KIND" would be the kind too, and an object could pass for another.
type header struct {
	apiVersion  string
	kind        string
	name        string
	namespace   string
	annotations map[string]string
	items       []any // of a list
}

func readHeader(body []byte) (header, error) {
	top, ok := decode(body).(map[string]any)
	if !ok {
		return header{}, errors.New("a document is no object")
	}
	meta, _ := top["metadata"].(map[string]any)
	h := header{annotations: map[string]string{}}
	h.items, _ = top["items"].([]any)
	for _, err := range []error{
		text(top, "apiVersion", &h.apiVersion), text(top, "kind", &h.kind),
		text(meta, "name", &h.name), text(meta, "namespace", &h.namespace), h.annotate(meta),
	} {
		if err != nil {
			return h, fmt.Errorf("%s %q: %w; quote it in the template", h.kind, h.name, err)
		}
	}
	if h.kind == "" || h.apiVersion == "" {
		return h, fmt.Errorf("an object has no kind or no apiVersion (name %q)", h.name)
	}
	return h, nil
}

func (h *header) annotate(meta map[string]any) error {
	all, _ := meta["annotations"].(map[string]any)
	for key := range all {
		var value string
		if err := text(all, key, &value); err != nil {
			return fmt.Errorf("annotation %w", err)
		}
		h.annotations[key] = value
	}
	return nil
}

// text reads a field that is a text, or not there.
func text(m map[string]any, key string, to *string) error {
	switch v := m[key].(type) {
	case nil:
	case string:
		*to = v
	default:
		return fmt.Errorf("%s is no text", key)
	}
	return nil
}
