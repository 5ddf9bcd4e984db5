package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
)

// What is known of a cluster can be told while it is being asked something, however long it takes to answer: whoever
// asks holds no lock that telling needs, and what hears of the answer needs none that telling holds. The server here
// answers what it can do only after the cluster was told of, so that every such wait is one without end.
func TestAClusterThatIsAskedCanBeToldOf(t *testing.T) {
	var c *Cluster
	var asked atomic.Int32
	waited := false
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		var answer any
		switch in.URL.Path {
		case "/version":
			answer = version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2"}
		case "/api":
			answer = metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
		case "/apis":
			answer = metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		case "/api/v1":
			answer = metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "v1"}
		default:
			http.NotFound(out, in)
			return
		}
		asked.Add(1)
		told := make(chan struct{})
		go func() {
			defer close(told)
			c.Live()
		}()
		select {
		case <-told:
		case <-time.After(patience / 4):
			waited = true
		}
		out.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(out).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c = &Cluster{name: "eu", fleet: NewFleet(ctx, Options{}), lease: &lease{}}
	conn, err := connect(&rest.Config{Host: server.URL}, &gate{fence: c.fence, heard: c.heard, stats: &c.Stats})
	if err != nil {
		t.Fatal(err)
	}
	s, err := startSession(ctx, conn, c)
	if err != nil {
		t.Fatal(err)
	}
	c.use(s, conn.config)
	for name, ask := range map[string]func(){
		"what it can do": func() { _, _ = conn.capabilities() },
		"how it serves a kind": func() {
			conn.mapper.Reset()
			_ = s.followKind(schema.GroupKind{Group: "example.com", Kind: "Gadget"})
		},
	} {
		before := asked.Load()
		if ask(); asked.Load() == before {
			t.Errorf("%s: the server was not asked", name)
		}
		if waited {
			t.Fatalf("%s: what is known of the cluster cannot be told while it is asked", name)
		}
	}
}
