package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// proxy is proxyConfig, read.
type proxy struct {
	user, groups, proof string // headers
	networks            []netip.Prefix
	secret              digest // of what is in proof, if that is not empty
}

// headerName is what the name of a header looks like.
var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// checkHeaders says which of the headers is none that a proxy sets.
func (c proxyConfig) checkHeaders() error {
	for what, name := range map[string]string{"userHeader": c.UserHeader, "groupsHeader": c.GroupsHeader, "secretHeader": c.SecretHeader} {
		taken := slices.Contains([]string{"authorization", "cookie", "host"}, strings.ToLower(name))
		if taken || !headerName.MatchString(name) && (name != "" || what == "userHeader") {
			return fmt.Errorf("proxy.%s: %q is no header that a proxy sets; say X-Forwarded-User, for instance", what, name)
		}
	}
	return nil
}

// read takes the secret of the proxy, too; empty: there is none.
func (c proxyConfig) read(secret []byte) (*proxy, error) {
	p := &proxy{user: c.UserHeader, groups: c.GroupsHeader, proof: c.SecretHeader, secret: sha256.Sum256(secret)}
	switch err := c.checkHeaders(); {
	case err != nil:
		return nil, err
	case c.SecretHeader == "" && len(secret) > 0:
		return nil, errors.New("proxy.secretHeader: it is missing, and page/proxy-secret is there; say which header the proxy sends that in")
	case c.SecretHeader != "" && len(secret) == 0:
		return nil, errors.New("proxy.secretHeader: there is no page/proxy-secret; put there what the proxy sends: openssl rand -hex 32 makes it")
	case len(c.Networks) == 0:
		return nil, errors.New("proxy.networks: it is missing; say where the proxy is, such as 10.1.2.3/32")
	}
	for _, text := range c.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("proxy.networks: %q is no network in CIDR notation, such as 10.1.2.0/24 or fd00::/64", text)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("proxy.networks: %q is everybody, who could then claim to be anybody; say where the proxy is", text)
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

const (
	ofProxies4 = 24 // bits of a network at least, that nobody but proxies is likely to be in
	ofProxies6 = 64
)

// crowded are the networks in which there may be others than the proxy, where being there is all that makes it one.
func (p *proxy) crowded() []string {
	var out []string
	if p == nil || p.proof != "" {
		return out
	}
	for _, n := range p.networks {
		if n.Addr().Is4() && n.Bits() < ofProxies4 || n.Addr().Is6() && n.Bits() < ofProxies6 {
			out = append(out, n.String())
		}
	}
	return out
}

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
func (p *proxy) trusts(in *http.Request) bool { return p.has(remote(in)) && p.proves(in) }

// proves says whether a request has the secret, where there is one. The comparison takes a time that tells nothing of it.
func (p *proxy) proves(in *http.Request) bool {
	if p.proof == "" {
		return true
	}
	told := in.Header.Values(p.proof)
	if len(told) != 1 {
		return false
	}
	d := sha256.Sum256([]byte(told[0]))
	return subtle.ConstantTimeCompare(d[:], p.secret[:]) == 1
}

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
	if p == nil || !p.trusts(in) {
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
