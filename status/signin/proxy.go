package signin

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// remote is the address that a request came from.
func remote(in *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(in.RemoteAddr) // what is none is in no network
	return at.Addr().Unmap().WithZone("")
}

// has says whether an address is in one of the networks.
func (p *proxy) has(at netip.Addr) bool {
	return slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(at) })
}

// trusts says whether a request came from the proxy.
func (p *proxy) trusts(in *http.Request) bool { return p.has(remote(in)) }

// identify is who the proxy says that asks. A header that is there twice was set by somebody else too, and the proxy
// should have taken it away.
func (p *proxy) identify(in *http.Request) (identity, bool) {
	if p == nil || !p.trusts(in) {
		return identity{}, false
	}
	names, groups := in.Header.Values(p.user), []string(nil)
	if p.groups != "" {
		groups = in.Header.Values(p.groups)
	}
	if len(names) != 1 || strings.TrimSpace(names[0]) == "" || len(groups) > 1 {
		return identity{}, false
	}
	id := identity{name: printable(names[0])}
	for _, g := range groups {
		for part := range strings.SplitSeq(g, ",") {
			id.groups = append(id.groups, strings.TrimSpace(part))
		}
	}
	id.groups = foreign(id.groups)
	return id, true
}

// address is whom failures are counted for: who asks, or whom the proxy says that asks.
func (p *proxy) address(in *http.Request) netip.Addr {
	at := remote(in)
	if p == nil || !p.has(at) {
		return at
	}
	hops := strings.Split(strings.Join(in.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if at = next.Unmap().WithZone(""); !p.has(at) {
			break
		}
	}
	return at
}
