package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
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

// reply answers with a document, or that nothing was looked at yet.
func reply[T any](w *Web, doc func(View) (T, bool)) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		got, there := doc(w.See(ViewerOf(in.Context())))
		if !there {
			text(out, http.StatusServiceUnavailable, Unready(nil)+"\n")
			return
		}
		write(out, "application/json", asJSON(got))
	})
}

// named answers with the document of a name, or that there is none.
func named[T any](w *Web, doc func(View, string) (T, bool), what string) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		got, there := doc(w.See(ViewerOf(in.Context())), in.PathValue("name"))
		if !there {
			text(out, http.StatusNotFound, "nothing is known of this "+what+"\n")
			return
		}
		write(out, "application/json", asJSON(got))
	})
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
