package page

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/workspace-providers/reconcile/status"
)

// Site answers the pages. Use New.
type Site struct {
	web    *status.Web
	end    <-chan struct{}
	boards *lru.Cache[string, *board] // by status.View.Key
	inner  *http.ServeMux             // the same pages, without what is around them
	lives  places                     // for connections that are kept up to date
}

// keptBoards bounds how many boards are kept, each for those who see the same.
const keptBoards = 64

// New makes the pages over what web knows. Connections that are kept up to date end when end is closed.
func New(web *status.Web, end <-chan struct{}) status.Front {
	s := newSite(web, end)
	routes := []status.Route{
		{Pattern: "GET /{$}", For: status.Members, Handler: http.HandlerFunc(s.overview)},
		{Pattern: "GET /parts/providers/{name}", For: status.Members, Handler: http.HandlerFunc(s.details)},
		{Pattern: "GET /live", For: status.Members, Handler: http.HandlerFunc(s.live)},
		{Pattern: "GET /assets/{name}", For: status.Anybody, Handler: http.HandlerFunc(asset)},
		{Pattern: "GET /", For: status.Members, Handler: s.without(http.StatusNotFound, "missing", "Not found")},
	}
	for _, p := range s.pages() {
		routes = append(routes, status.Route{Pattern: "GET " + p.path, For: p.access, Handler: s.show(p.show)})
	}
	for i := range routes {
		routes[i].Handler = guarded(routes[i].Handler)
	}
	return status.Front{Routes: routes, Denied: guarded(s.without(http.StatusForbidden, "denied", "Not for you"))}
}

func newSite(web *status.Web, end <-chan struct{}) *Site {
	s := &Site{web: web, end: end}
	boards, err := lru.New[string, *board](keptBoards)
	if err != nil {
		panic(err) // the size is one
	}
	s.boards = boards
	var inner []status.Route
	for _, p := range s.pages() {
		inner = append(inner, status.Route{Pattern: "GET " + p.path, For: p.access, Handler: s.innerHandler(p.show)})
	}
	s.inner = status.Mux(nil, inner...)
	return s
}

// see is what somebody who asks may see.
func (s *Site) see(in *http.Request) status.View { return s.web.See(status.ViewerOf(in.Context())) }

// board is the board of those who see the same.
func (s *Site) board(v status.View) *board {
	made := newBoard()
	if kept, there, _ := s.boards.PeekOrAdd(v.Key(), made); there {
		s.boards.Get(v.Key()) // it is of use
		return kept
	}
	return made
}

// content is what a page shows: the name of its template, its title, and what goes in.
type content struct {
	template, title string
	body            any
}

// show makes a page; false: there is nothing to show.
type show func(*http.Request) (content, bool)

// page is where one is, for whom, and what makes it.
type page struct {
	path   string
	access status.Access
	show   show
}

// pages are all but the overview, which is more than a template.
func (s *Site) pages() []page {
	return []page{
		{"/providers/{name}", status.Members, s.provider},
		{"/rollout", status.Managers, s.rollout},
		{"/clusters", status.Managers, s.clusters},
		{"/organizations", status.Members, s.organizations},
		{"/organizations/{name}", status.Members, s.organization},
		{"/revisions", status.Managers, s.revisions},
		{"/revisions/{sha}", status.Managers, s.revision},
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
	Who        status.Viewer
	Bare       bool // whoever looks is not known yet: there is nothing around the page
	Assets     map[string]string
	Body       any
}

// Sections are the pages that others lead to, by path, which is their order.
func (f frame) Sections() map[string]string {
	if f.Who.All {
		return sections
	}
	return memberSections
}

func (s *Site) frame(v status.View, title string, body any) frame {
	f := frame{Title: title, Assets: assets.urls, Repo: v.Place(), Who: v.Whose(), Body: body}
	if doc, there := v.Status(); there {
		f.Doc, f.Deployment = doc, doc.Deployment
		b := s.board(v)
		f.Seq = b.name(b.catchUp(doc))
	}
	return f
}

// without answers with a page that shows nothing but words.
func (s *Site) without(code int, template, title string) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		write(out, in, code, template, s.frame(s.see(in), title, nil))
	}
}

// show answers with a page.
func (s *Site) show(page show) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		v := s.see(in)
		if _, there := v.Status(); !there {
			s.without(http.StatusServiceUnavailable, "waiting", "Starting")(out, in)
			return
		}
		c, there := page(in)
		if !there {
			s.without(http.StatusNotFound, "missing", "Not found")(out, in)
			return
		}
		write(out, in, http.StatusOK, c.template, s.frame(v, c.title, c.body))
	}
}

// write answers with a template.
func write(out http.ResponseWriter, in *http.Request, code int, name string, data any) {
	var b bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&b, "page", data); err != nil {
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
