package page

import (
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/workspace-providers/reconcile/status"
)

const (
	maxLives = 200 // connections that are kept up to date
	maxOfOne = 20  // of these, of the same person
)

// places are those for connections that are kept up to date. Nobody takes all of them.
type places struct {
	mu    sync.Mutex     // guards what follows
	taken map[string]int // by whose they are
	all   int
}

// take takes a place for somebody until it is given back; false: there is none for him.
func (p *places) take(whose string) (back func(), there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= maxLives || p.taken[whose] >= maxOfOne {
		return nil, false
	}
	if p.taken == nil {
		p.taken = map[string]int{}
	}
	p.all++
	p.taken[whose]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.taken[whose]--; p.taken[whose] == 0 {
			delete(p.taken, whose)
		}
	}, true
}

// whose a request is: of somebody by his name, or else, where nobody is asked, of an address. A proxy in front, which has
// the same for everybody, says in its header which; who forges that is one of so many as there may be in all.
func whose(in *http.Request) string {
	if name := status.ViewerOf(in.Context()).Name; name != "" {
		return "name " + name
	}
	host, _, err := net.SplitHostPort(in.RemoteAddr)
	if err != nil {
		host = in.RemoteAddr
	}
	return "address " + host + " " + strings.Join(in.Header.Values("X-Forwarded-For"), ",")
}
