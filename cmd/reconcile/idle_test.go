package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// What an idle cluster may see of us in an hour, and the checks that there are in one by default, as often as they
// come at most: every 30 minutes, a tenth less.
const (
	idleRequests  = 400
	idleReleases  = 50
	checksPerHour = 60.0 / 27
	watchesHour   = 2 // how often a watch ends in an hour at most, where that is left to the API server
)

// idleChart has many kinds: each is watched.
const idleChart = `{{ $name := .Release.Name }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ $name }}}
data: {a: {{ .Values.s.a | quote }}}
{{ range list "v1/Secret" "v1/ServiceAccount" "coordination.k8s.io/v1/Lease" }}
---
apiVersion: {{ trimSuffix (print "/" (base .)) . }}
kind: {{ base . }}
metadata: {name: {{ $name }}-{{ base . | lower }}}
{{ end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ $name }}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: {{ $name }}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }}}
---
apiVersion: v1
kind: Service
metadata: {name: {{ $name }}}
spec: {selector: {app: {{ $name }}}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: {{ $name }}}
spec: {podSelector: {matchLabels: {app: {{ $name }}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: {{ $name }}}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: {{ $name }}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $name }}}
spec:
  selector: {matchLabels: {app: {{ $name }}}}
  template:
    metadata: {labels: {app: {{ $name }}}}
    spec: {containers: [{name: main, image: pause}]}
`

// A cluster in which nothing happens sees few requests of ours: the Lease is renewed, everything is looked at anew
// now and then, and watches that end are resumed. All of them are counted by the API server.
func TestAnIdleClusterSeesFewRequests(t *testing.T) {
	s := newSite(t, eu)
	s.files["charts/idle/Chart.yaml"] = "apiVersion: v2\nname: idle\nversion: 1.0.0\n"
	s.files["charts/idle/templates/all.yaml"] = idleChart
	s.kubectl(eu, "create", "namespace", s.name)
	s.kubectl(eu, "create", "secret", "generic", "values", "--from-literal=a=b")
	var text strings.Builder
	var names []string
	for i := range idleReleases {
		names = append(names, fmt.Sprintf("p%02d", i))
		fmt.Fprintf(&text, "providers: %q: {cluster: \"eu\", chart: path: \"charts/idle\", valuesFrom: \"s.a\": {kind: \"Secret\", name: \"values\", key: \"a\"}}\n", names[i])
	}
	s.declare("idle.cue", text.String()+`organizations: acme: match: namespaces: "`+s.name+`": true
allowlists: p00: acme: true`)
	sha := s.push()
	user, kubeconfig := s.user(eu, "idler")
	s.credential(eu, kubeconfig)
	d := s.daemon("--check-interval", "40s")
	d.ready(sha, names...)
	d.until("everything is written down", func(doc status.StatusDoc) bool { return doc.Summary.Keep >= idleReleases && doc.Summary.Hold == 0 })
	time.Sleep(time.Minute) // one check at least, after which all is known
	began := time.Now()
	time.Sleep(2 * time.Minute)
	d.stop()

	var seen idleness
	for _, r := range s.requests(eu, user) {
		if r.At.After(began) && r.At.Before(began.Add(2*time.Minute)) {
			seen.count(r)
		}
	}
	if seen.checks == 0 || len(seen.renewals) < 2 {
		t.Fatalf("in two minutes there were %d checks and %d renewals", seen.checks, len(seen.renewals))
	}
	perHour := seen.perHour()
	t.Logf("renewed every %s; %d watches; %.1f requests a check: %.0f requests an hour", seen.pause(), len(seen.watches), seen.perCheck(), perHour)
	t.Logf("asked in %d checks: %v", seen.checks, seen.asked)
	if perHour > idleRequests {
		t.Errorf("an idle cluster sees %.0f requests an hour, more than %d", perHour, idleRequests)
	}
	for uri := range seen.watches {
		if query, err := url.ParseQuery(uri[strings.Index(uri, "?")+1:]); err != nil || query.Get("timeoutSeconds")+query.Get("timeout") != "" {
			t.Errorf("we say how long a watch lasts: %s", uri)
		}
	}
}

// idleness is what an API server saw while nothing happened.
type idleness struct {
	renewals []time.Time
	watches  map[string]bool // by what is watched
	asked    map[string]int  // all but renewals
	checks   int
	others   int
}

func (seen *idleness) count(r request) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case r.Verb == "watch" && r.Stage != "ResponseStarted": // it has ended
		return
	case r.Verb == "update" && strings.Contains(path, "/leases/"):
		seen.renewals = append(seen.renewals, r.At)
		return
	case r.Verb == "watch":
		if seen.watches == nil {
			seen.watches = map[string]bool{}
		}
		seen.watches[withoutVersion(r.RequestURI)] = true
	case path == "/version":
		seen.checks++
	}
	if seen.asked == nil {
		seen.asked = map[string]int{}
	}
	seen.asked[r.Verb+" "+path]++
	seen.others++
}

// withoutVersion is a watch by what is watched.
func withoutVersion(uri string) string {
	path, text, _ := strings.Cut(uri, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		return uri
	}
	query.Del("resourceVersion")
	return path + "?" + query.Encode()
}

// pause is how often the Lease is renewed: the longest of the pauses is between two checks.
func (seen *idleness) pause() time.Duration {
	var longest time.Duration
	for i := range seen.renewals[1:] {
		longest = max(longest, seen.renewals[i+1].Sub(seen.renewals[i]))
	}
	return longest.Round(time.Millisecond)
}

func (seen *idleness) perCheck() float64 { return float64(seen.others) / float64(seen.checks) }

func (seen *idleness) perHour() float64 {
	return float64(time.Hour)/float64(seen.pause()) + checksPerHour*(seen.perCheck()+1) + float64(watchesHour*len(seen.watches))
}
