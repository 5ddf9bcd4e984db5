package main

import (
	"testing"
	"time"
)

func TestMetricsAreRead(t *testing.T) {
	text := "# HELP go_x_total x\ngo_x_total 1.5e+06\ngo_x_total_more 7\nlooks_total{result=\"ok\"} 3\n"
	for name, want := range map[string]float64{"go_x_total": 1.5e6, `looks_total{result="ok"}`: 3} {
		if have, err := sample(text, name); err != nil || have != want {
			t.Errorf("%s: %v, %v; want %v", name, have, err, want)
		}
	}
	if _, err := sample(text, "go_x"); err == nil {
		t.Error("what is not there was found")
	}
}

func TestWritesToEtcdAreAddedUp(t *testing.T) {
	have, err := etcdWrites(`etcd_request_duration_seconds_count{group="",operation="create",resource="pods"} 3
etcd_request_duration_seconds_count{group="",operation="update",resource="pods"} 4
etcd_request_duration_seconds_count{group="",operation="get",resource="pods"} 100
etcd_request_duration_seconds_sum{group="",operation="delete",resource="pods"} 100
etcd_request_duration_seconds_count{group="",operation="delete",resource="pods"} 5
`)
	if err != nil || have != 12 {
		t.Errorf("%v, %v; want 12", have, err)
	}
}

func TestFirstWriteIsOurs(t *testing.T) {
	began := time.Now()
	at := func(user, verb, resource string, after time.Duration) event {
		e := event{Verb: verb, Begin: began.Add(after)}
		e.User.Username, e.On.Resource = user, resource
		return e
	}
	events := []event{
		at(admin, "create", "pods", 1), at(ourUser, "get", "pods", 2), at(ourUser, "update", "leases", 3),
		at(ourUser, "create", "secrets", 4), at(ourUser, "create", "secrets", 5),
	}
	if have := firstWrite(began, events); have != 4 {
		t.Errorf("%v, want 4ns", have)
	}
}

func TestScenesAreRead(t *testing.T) {
	have, err := parseScenes("100,1000x50")
	if want := []scene{{providers: 100, clusters: 1}, {providers: 1000, clusters: 50}}; err != nil || len(have) != 2 || have[0] != want[0] || have[1] != want[1] {
		t.Errorf("%v, %v", have, err)
	}
	for _, wrong := range []string{"x", "5x10", "100x100", "-1", "1x0"} {
		if _, err := parseScenes(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}
