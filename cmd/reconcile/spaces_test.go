package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// spaces make many clusters of a few: each is one namespace of an API server, and whoever lists all namespaces there
// sees that one alone. Requests go on in the name of whoever asks, so that the audit log tells them apart.
type spaces struct {
	*site
	server *httptest.Server
	routes map[string]http.Handler // by "/replica/cluster"
}

func newSpaces(s *site) *spaces {
	p := &spaces{site: s, routes: map[string]http.Handler{}}
	p.server = httptest.NewServer(p)
	s.Cleanup(p.server.Close)
	return p
}

// ServeHTTP passes a request on to the cluster that its path begins with.
func (p *spaces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(r.URL.Path, "/", 4)
	if len(parts) < 4 || p.routes["/"+parts[1]+"/"+parts[2]] == nil {
		http.NotFound(w, r)
		return
	}
	p.routes["/"+parts[1]+"/"+parts[2]].ServeHTTP(w, r)
}

// open makes a namespace of a server a cluster for a user, and returns the kubeconfig for it.
func (p *spaces) open(user, userConfig, cluster, namespace string) (kubeconfig string) {
	p.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(userConfig))
	if err != nil {
		p.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		p.Fatal(err)
	}
	to, err := url.Parse(config.Host)
	if err != nil {
		p.Fatal(err)
	}
	prefix := "/" + user + "/" + cluster
	p.routes[prefix] = &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Path = oneSpace(strings.TrimPrefix(r.In.URL.Path, prefix), namespace)
			r.Out.URL.RawPath = ""
			r.SetURL(to)
		},
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: %[1]s
clusters: [{name: %[1]s, cluster: {server: %[2]q}}]
users: [{name: %[1]s, user: {}}]
contexts: [{name: %[1]s, context: {cluster: %[1]s, user: %[1]s}}]
`, cluster, p.server.URL+prefix)
}

// wide are kinds that belong to no namespace.
const wide = " namespaces nodes persistentvolumes storageclasses customresourcedefinitions validatingadmissionpolicies " +
	"validatingadmissionpolicybindings selfsubjectreviews selfsubjectaccessreviews selfsubjectrulesreviews clusterroles clusterrolebindings "

// oneSpace turns a list over all namespaces into one of a single namespace.
func oneSpace(path, namespace string) string {
	parts := strings.Split(path, "/") // "", "api", "v1", kind or "", "apis", group, version, kind
	if len(parts) == 4 && parts[1] == "api" || len(parts) == 5 && parts[1] == "apis" {
		if kind := parts[len(parts)-1]; kind != "" && !strings.Contains(wide, " "+kind+" ") {
			return strings.Join(parts[:len(parts)-1], "/") + "/namespaces/" + namespace + "/" + kind
		}
	}
	return path
}
