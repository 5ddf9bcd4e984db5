package main

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// A site's door leads to its own namespace, and to nobody else's.
func TestSiteHasItsOwnNamespace(t *testing.T) {
	d := &siteDoor{space: "site-07", inside: map[string]bool{"secrets": true, "leases.coordination.k8s.io": true}}
	for asked, want := range map[string]string{
		"/api/v1/secrets":                                            "/api/v1/namespaces/site-07/secrets",
		"/api/v1/nodes":                                              "/api/v1/nodes",
		"/api/v1/namespaces/site-07/secrets/one":                     "/api/v1/namespaces/site-07/secrets/one",
		"/api/v1/namespaces/default":                                 "/api/v1/namespaces/default",
		"/api/v1/namespaces/default/configmaps":                      "/api/v1/namespaces/site-07/configmaps",
		"/apis/coordination.k8s.io/v1/leases":                        "/apis/coordination.k8s.io/v1/namespaces/site-07/leases",
		"/apis/coordination.k8s.io/v1/namespaces/default/leases/one": "/apis/coordination.k8s.io/v1/namespaces/site-07/leases/one",
		"/apis/apiextensions.k8s.io/v1/customresourcedefinitions":    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
		"/version": "/version", "/apis": "/apis", "/api": "/api",
	} {
		if have, _ := d.path(asked); have != want {
			t.Errorf("%s: %s, want %s", asked, have, want)
		}
	}
}

// What is written to the namespace "default" says so itself, in whatever encoding.
func TestSiteSaysWhereThingsAre(t *testing.T) {
	d := &siteDoor{space: "site-07"}
	r := httptest.NewRequest("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases",
		strings.NewReader("k8s\x00\x1a\x07default"))
	d.rewrite(r)
	if body, _ := io.ReadAll(r.Body); string(body) != "k8s\x00\x1a\x07site-07" {
		t.Errorf("%q", body)
	}
}
