package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/workspace-providers/reconcile/status"
)

// TestNobodyTakesAllPlaces, and what one gave back is there again.
func TestNobodyTakesAllPlaces(t *testing.T) {
	var p places
	take := func(whose string, want bool) (back func()) {
		t.Helper()
		back, there := p.take(whose)
		if there != want {
			t.Fatalf("%s: %t, want %t", whose, there, want)
		}
		return back
	}
	var backs []func()
	for i := range maxLives {
		backs = append(backs, take(fmt.Sprint(i/maxOfOne), true))
		if i == maxOfOne-1 {
			take("0", false)
		}
	}
	take("somebody else", false)
	backs[0]()
	take("1", false)
	backs[0] = take("somebody else", true)
	for _, back := range backs {
		back()
	}
	if p.all != 0 || len(p.taken) != 0 {
		t.Errorf("%d places are taken, of %v", p.all, p.taken)
	}
}

func TestWhosePagesAre(t *testing.T) {
	for _, test := range []struct{ name, address, forwarded, want string }{
		{"ada", "192.0.2.1:1", "", "name ada"}, {"ada", "192.0.2.2:2", "192.0.2.9", "name ada"},
		{"", "192.0.2.1:1", "", "address 192.0.2.1 "}, {"", "[2001:db8::1]:1", "", "address 2001:db8::1 "},
		{"", "10.1.2.3:1", "192.0.2.9", "address 10.1.2.3 192.0.2.9"}, {"", "@", "", "address @ "},
	} {
		in := httptest.NewRequest(http.MethodGet, "/live", nil)
		in.RemoteAddr = test.address
		if test.forwarded != "" {
			in.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := whose(in.WithContext(status.WithViewer(in.Context(), status.Viewer{Name: test.name}))); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
