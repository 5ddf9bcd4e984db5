package page

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/workspace-providers/reconcile/status"
)

// Site answers the pages. Use New.
type Site struct {
	web   *status.Web
	end   <-chan struct{}
	board board
	inner *http.ServeMux // the same pages, without what is around them
	lives chan struct{}  // a place for each connection that is kept up to date
}

// New makes the pages over what web knows. Connections that are kept up to date end when end is closed.
func New(web *status.Web, end <-chan struct{}) http.Handler {
	s := &Site{web: web, end: end, lives: make(chan struct{}, maxLives), inner: http.NewServeMux()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.overview)
	for path, show := range s.pages() {
		mux.HandleFunc("GET "+path, s.show(show))
		s.inner.HandleFunc("GET "+path, s.innerHandler(show))
	}
	mux.HandleFunc("GET /parts/providers/{name}", s.details)
	mux.HandleFunc("GET /live", s.live)
	mux.HandleFunc("GET /assets/{name}", asset)
	mux.HandleFunc("GET /", func(out http.ResponseWriter, in *http.Request) {
		s.write(out, in, http.StatusNotFound, "missing", s.frame("Not found", nil))
	})
	return guarded(mux)
}

// content is what a page shows: the name of its template, its title, and what goes in.
type content struct {
	template, title string
	body            any
}

// pages are all but the overview, which is more than a template. Each says false where there is nothing to show.
func (s *Site) pages() map[string]func(*http.Request) (content, bool) {
	return map[string]func(*http.Request) (content, bool){
		"/providers/{name}":     s.provider,
		"/rollout":              s.rollout,
		"/clusters":             s.clusters,
		"/organizations":        s.organizations,
		"/organizations/{name}": s.organization,
		"/revisions":            s.revisions,
		"/revisions/{sha}":      s.revision,
	}
}

// policy forbids everything but our own style, script and icon, and asking us.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types reconcile"

// guarded sets the headers of pages.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		h := out.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(out, in)
	})
}

// frame is what is around every page.
type frame struct {
	Title      string
	Deployment string
	Doc        *status.StatusDoc // nil: nothing was looked at yet
	Repo       status.Repository
	Seq        string // which state of the board the page shows
	Assets     map[string]string
	Body       any
}

func (s *Site) frame(title string, body any) frame {
	f := frame{Title: title, Assets: assets.urls, Repo: s.web.Place(), Body: body}
	if doc, there := s.web.Status(); there {
		f.Doc, f.Deployment = doc, doc.Deployment
		f.Seq = s.board.catchUp(doc).String()
	}
	return f
}

// show answers with a page.
func (s *Site) show(page func(*http.Request) (content, bool)) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		if _, there := s.web.Status(); !there {
			s.write(out, in, http.StatusServiceUnavailable, "waiting", s.frame("Starting", nil))
			return
		}
		c, there := page(in)
		if !there {
			s.write(out, in, http.StatusNotFound, "missing", s.frame("Not found", nil))
			return
		}
		s.write(out, in, http.StatusOK, c.template, s.frame(c.title, c.body))
	}
}

// write answers with a template.
func (s *Site) write(out http.ResponseWriter, in *http.Request, code int, name string, data any) {
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "page", data); err != nil {
		http.Error(out, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	send(out, in, code, b.Bytes())
}

// worthPacking is from which size on an answer is packed. Nothing secret is in pages that its length could tell.
const worthPacking = 16 << 10

// send answers, packed where that is worth it.
func send(out http.ResponseWriter, in *http.Request, code int, body []byte) {
	out.Header().Add("Vary", "Accept-Encoding")
	if len(body) < worthPacking || !strings.Contains(in.Header.Get("Accept-Encoding"), "gzip") {
		out.WriteHeader(code)
		_, _ = out.Write(body) // a client that went away is nobody's loss
		return
	}
	out.Header().Set("Content-Encoding", "gzip")
	out.WriteHeader(code)
	zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is one there is
	}
	_, _ = zip.Write(body) // likewise
	_ = zip.Close()
}
