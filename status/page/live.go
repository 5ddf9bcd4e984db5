package page

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

const (
	liveGap  = 700 * time.Millisecond // between two things that one is told
	liveBeat = 15 * time.Second       // after so long it is told that it is still heard
	liveTime = 10 * time.Second       // that one has to take what it is told

	liveRetry = 500 * time.Millisecond // after so long a browser that was cut off asks anew
)

// news is what of a page is another by now.
type news struct {
	Parts map[string]string `json:"parts"`
	boardNews
}

// listener is a page that is open somewhere.
type listener struct {
	site  *Site
	view  status.View
	board *board
	of    *url.URL
	seq   seq
	parts map[string]string // as it has them
	out   http.ResponseWriter
}

// live tells a page what of it is another by now, until it is closed. The page says what it is and what it knows.
func (s *Site) live(out http.ResponseWriter, in *http.Request) {
	back, there := s.lives.take(whose(in))
	if !there {
		http.Error(out, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer back()
	of, err := url.ParseRequestURI(in.URL.Query().Get("of"))
	if err != nil || of.IsAbs() || of.Host != "" {
		http.Error(out, "of: a path of a page", http.StatusBadRequest)
		return
	}
	v := s.see(in)
	l := &listener{site: s, view: v, board: s.board(v), of: of, out: out}
	l.seq = l.board.seqOf(cmp.Or(in.Header.Get("Last-Event-ID"), in.URL.Query().Get("since")))
	out.Header().Set("Content-Type", "text/event-stream")
	out.Header().Set("X-Accel-Buffering", "no") // proxies that gather answers would keep it for themselves
	if err := http.NewResponseController(out).SetReadDeadline(time.Time{}); err != nil {
		return // a server that counts on more to read would end it
	}
	if l.send(fmt.Sprintf("retry: %d\n\n", liveRetry.Milliseconds())) != nil {
		return
	}
	for {
		changed := s.web.Changed()
		if l.tell() != nil {
			return
		}
		if !l.wait(in, changed) {
			return
		}
	}
}

// wait returns true when there may be something to tell, and false when nobody listens any more.
func (l *listener) wait(in *http.Request, changed <-chan struct{}) bool {
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	gap := time.After(liveGap)
	for {
		select {
		case <-in.Context().Done():
			return false
		case <-l.site.end:
			return false
		case <-beat.C:
			if l.send(": still here\n\n") != nil {
				return false
			}
		case <-changed:
			select {
			case <-in.Context().Done():
				return false
			case <-l.site.end:
				return false
			case <-gap:
				return true
			}
		}
	}
}

// tell sends what is another by now than the page has it.
func (l *listener) tell() error {
	doc, there := l.view.Status()
	if !there {
		return l.send(": nothing was looked at yet\n\n")
	}
	now := l.board.catchUp(doc)
	n := news{Parts: map[string]string{}, boardNews: boardNews{Rows: []rowNews{}, Gone: []string{}}}
	parts := l.site.parts(l.view, l.of)
	for id, html := range parts {
		if l.parts[id] != html && (l.parts != nil || l.seq != now) { // at first, the page is as it was made
			n.Parts[id] = html
		}
	}
	if l.of.Path == "/" {
		n.boardNews, now = l.board.since(l.seq, viewOf(l.of.Query()))
	}
	l.parts, l.seq = maps.Clone(parts), now
	text, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("news are not JSON: %v", err)) // they hold strings and truths only
	}
	return l.send(fmt.Sprintf("id: %s\nevent: news\ndata: %s\n\n", l.board.name(now), text))
}

// send writes at once, within some time.
func (l *listener) send(text string) error {
	c := http.NewResponseController(l.out)
	if err := c.SetWriteDeadline(time.Now().Add(liveTime)); err != nil {
		return err
	}
	if _, err := l.out.Write([]byte(text)); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	return c.SetWriteDeadline(time.Time{}) // HTTP/2 ends a stream at its deadline, also when nothing is to be written
}

// parts are those of a page that change, by the id of their element.
func (s *Site) parts(v status.View, of *url.URL) map[string]string {
	if of.Path == "/" {
		d, _ := s.overviewData(v, viewOf(of.Query()))
		return map[string]string{
			"notices": mustRender("overview", "notices", d.frame), "summary": mustRender("overview", "summary", d),
			"waves": mustRender("overview", "waves", d.Rollout), "at": at(v),
		}
	}
	sheet := &sheet{}
	in := &http.Request{Method: http.MethodGet, URL: of, Host: "page"}
	s.inner.ServeHTTP(sheet, in.WithContext(status.WithViewer(context.Background(), v.Whose())))
	if sheet.code != 0 {
		return map[string]string{}
	}
	return map[string]string{"notices": mustRender("overview", "notices", s.frame(v, "", nil)), "live": sheet.String(), "at": at(v)}
}

// at is when everything was looked at last, as the bar of every page has it.
func at(v status.View) string {
	doc, there := v.Status()
	if !there {
		return ""
	}
	return mustRender("overview", "time", doc.At)
}

// innerHandler makes what is inside of a page.
func (s *Site) innerHandler(page show) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		c, there := page(in)
		if !there {
			out.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = out.Write([]byte(mustRender(c.template, "main", s.frame(s.see(in), c.title, c.body)))) // into memory
	}
}

// sheet is an answer in memory.
type sheet struct {
	bytes.Buffer
	code int // 0: it is one
}

// Header is thrown away.
func (s *sheet) Header() http.Header { return http.Header{} }

// WriteHeader notes that it is not what was asked for.
func (s *sheet) WriteHeader(code int) { s.code = code }

// render makes a part of a page.
func render(set, name string, data any) (string, error) {
	var b bytes.Buffer
	err := templates()[set].ExecuteTemplate(&b, name, data)
	return b.String(), err
}

// mustRender is render of what was rendered for the page already.
func mustRender(set, name string, data any) string {
	text, err := render(set, name, data)
	if err != nil {
		panic("a part of a page cannot be made: " + err.Error())
	}
	return text
}
