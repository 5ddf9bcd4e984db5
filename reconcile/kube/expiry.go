package kube

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/workspace-providers/reconcile/reconcile"
)

// expiries is until when what a connection is made with counts. Token files, exec plugins and the account of a pod are
// not asked: they renew themselves.
func expiries(config *rest.Config) map[string]time.Time {
	out := map[string]time.Time{}
	cert := config.CertData
	if len(cert) == 0 && config.CertFile != "" {
		cert, _ = os.ReadFile(config.CertFile) // whoever connects with it says what is wrong
	}
	if block, _ := pem.Decode(cert); block != nil {
		if leaf, err := x509.ParseCertificate(block.Bytes); err == nil {
			out[reconcile.ExpiresClient] = leaf.NotAfter
		}
	}
	if config.BearerTokenFile == "" {
		if end := tokenEnd(config.BearerToken); !end.IsZero() {
			out[reconcile.ExpiresToken] = end
		}
	}
	return out
}

// tokenEnd is when a token says that it ends; zero: it does not say.
func tokenEnd(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	var claims struct {
		Exp int64 `json:"exp"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp == 0 {
		return time.Time{}
	}
	return time.Unix(claims.Exp, 0)
}

// met notes until when the certificate counts that a cluster showed. It takes no lock of the cluster: whoever made the
// request may hold one.
func (c *Cluster) met(state *tls.ConnectionState) {
	if len(state.PeerCertificates) > 0 {
		c.serverEnds.Store(state.PeerCertificates[0].NotAfter.Unix())
	}
}

// expires is until when what the cluster and we are known by to each other counts.
func (c *Cluster) expires() map[string]time.Time {
	end := c.serverEnds.Load()
	if end == 0 {
		return c.ends
	}
	out := map[string]time.Time{reconcile.ExpiresServer: time.Unix(end, 0)}
	for what, at := range c.ends {
		out[what] = at
	}
	return out
}
