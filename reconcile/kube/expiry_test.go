package kube

import (
	"encoding/base64"
	"fmt"
	"maps"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"

	"github.com/workspace-providers/reconcile/reconcile"
)

// A token says when it ends; one in a file renews itself.
func TestUntilWhenATokenCounts(t *testing.T) {
	at := time.Unix(1900000000, 0)
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, at.Unix()))
	for text, want := range map[string]time.Time{
		"": {}, "opaque": {}, "a.!.c": {}, "a." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + ".c": {}, "a." + claims + ".c": at,
	} {
		if got := expiries(&rest.Config{BearerToken: text})[reconcile.ExpiresToken]; !got.Equal(want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := expiries(&rest.Config{BearerToken: "a." + claims + ".c", BearerTokenFile: "/token"}); len(got) > 0 {
		t.Errorf("of a file: %v", got)
	}
}

// A quota counts under any name that its resources have, and the fullest counts.
func TestHowFullAQuotaIs(t *testing.T) {
	var q corev1.ResourceQuota
	set := func(name, hard, used string) {
		if q.Status.Hard == nil {
			q.Status.Hard, q.Status.Used = corev1.ResourceList{}, corev1.ResourceList{}
		}
		q.Status.Hard[corev1.ResourceName(name)] = resource.MustParse(hard)
		q.Status.Used[corev1.ResourceName(name)] = resource.MustParse(used)
	}
	set("pods", "10", "4")
	set("count/pods", "8", "4")
	set("count/deployments.apps", "4", "3")
	set("cpu", "2", "500m")
	set("persistentvolumeclaims", "0", "0")
	set("count/secrets", "1", "1")
	want := map[string]float64{"pods": 0.5, "deployments": 0.75, "requests.cpu": 0.25, "persistentvolumeclaims": 1}
	if got := usedOf(&q); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c := &Cluster{quotas: map[string]map[string]float64{"a": {"pods": 0.5}, "b": {"pods": 0.9}, "c": {"pods": 1}}}
	if got := c.fullness(map[string][]string{"frankfurt": {"a", "b"}, "munich": {"d"}}); len(got) != 1 || got["frankfurt"]["pods"] != 0.9 {
		t.Errorf("got %v", got)
	}
}
