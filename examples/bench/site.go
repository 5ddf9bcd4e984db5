package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// site is one cluster as reconcile knows it.
type site struct {
	name       string
	space      string // where its providers are
	kubeconfig string // its text
}

// Fifty API servers do not fit on one machine. Where there are many clusters, they are one API server, and a
// door before it for each, with an address and a certificate of its own:
//
//   - who asks for a kind in all namespaces is given those of the site's own namespace,
//   - what stands in the namespace "default", the Lease above all, stands in the site's own.
//
// Nothing else is changed, so that reconcile connects, watches, and acts as it does with that many clusters. The
// doors are in this process, whose CPU is not counted.

// maxSites is as many as there are names of the length of "default": texts are exchanged without being read.
const maxSites = 99

const defaultSpace = "default"

func siteName(i int) string { return fmt.Sprintf("site-%02d", i+1) }

// openSites makes as many clusters as the scene has.
func (l *lab) openSites(ctx context.Context) error {
	if l.scene.clusters == 1 {
		text, err := os.ReadFile(l.users[ourUser])
		l.sites = []site{{clusterName, ourSpace, string(text)}}
		return err
	}
	kinds, err := l.kubectl(ctx, "api-resources", "--namespaced=true", "--output=name")
	if err != nil {
		return err
	}
	inside := map[string]bool{}
	for _, kind := range strings.Fields(kinds) {
		inside[kind] = true
	}
	for i := range l.scene.clusters {
		d := &siteDoor{space: siteName(i), inside: inside}
		if _, err := l.kubectl(ctx, "create", "namespace", d.space); err != nil {
			return err
		}
		if err := d.open(l.users[ourUser]); err != nil {
			return err
		}
		l.doors = append(l.doors, d)
		l.sites = append(l.sites, site{d.space, d.space, d.kubeconfig()})
	}
	return nil
}

// siteDoor is what stands before the API server for one site.
type siteDoor struct {
	space  string
	inside map[string]bool // the kinds that are in namespaces, as kubectl names them
	server *httptest.Server
}

// open begins to answer, with the rights of a user.
func (d *siteDoor) open(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.Dial = (&net.Dialer{}).DialContext // which makes the connection one of its own
	behind, err := rest.TransportFor(config)
	if err != nil {
		return err
	}
	to, err := url.Parse(config.Host)
	if err != nil {
		return err
	}
	d.server = httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Transport: behind, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			d.rewrite(r.Out)
		},
	})
	d.server.EnableHTTP2 = true
	d.server.StartTLS()
	return nil
}

// close ends all connections.
func (d *siteDoor) close() {
	d.server.CloseClientConnections()
	d.server.Close()
}

// kubeconfig is how to come in; who it is, the door says.
func (d *siteDoor) kubeconfig() string {
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.server.Certificate().Raw})
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": %[1]q,
"clusters": [{"name": %[1]q, "cluster": {"server": %[2]q, "certificate-authority-data": "%[3]s"}}],
"contexts": [{"name": %[1]q, "context": {"cluster": %[1]q, "user": %[1]q}}],
"users": [{"name": %[1]q, "user": {"token": "none"}}]}
`, d.space, d.server.URL, base64Of(authority))
}

// rewrite makes a request one about the site's namespace.
func (d *siteDoor) rewrite(r *http.Request) {
	r.Header.Del("Authorization")
	to, own := d.path(r.URL.Path)
	r.URL.Path = to
	if !own || r.Body == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = nil // the server says what is wrong with that
	}
	r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(defaultSpace), []byte(d.space))))
}

// path is where a request goes; own says whether it went to the namespace "default".
func (d *siteDoor) path(p string) (to string, own bool) {
	words := strings.Split(strings.Trim(p, "/"), "/")
	base, group := 2, "" // api, v1
	if words[0] == "apis" && len(words) > 2 {
		base, group = 3, "."+words[1]
	}
	switch rest := words[min(base, len(words)):]; {
	case len(rest) > 2 && rest[0] == "namespaces" && rest[1] == defaultSpace:
		rest[1] = d.space
		return "/" + path.Join(words...), true
	case len(rest) == 1 && d.inside[rest[0]+group]:
		return "/" + path.Join(append(words[:base:base], "namespaces", d.space, rest[0])...), false
	}
	return p, false
}
