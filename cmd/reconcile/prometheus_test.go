package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// monitoring is the folder of rules and dashboards.
var monitoring = filepath.Join(root, "examples", "monitoring")

// prom is a real Prometheus that scrapes a daemon each second.
type prom struct {
	*site
	url  string
	seen map[string]bool // alerts that fired at some time while somebody looked
}

// prometheus starts one, with our rules in a hurry. Where there is no Prometheus, the test is skipped.
func (s *site) prometheus(target string) *prom {
	s.Helper()
	program := kubetest.Tool("prometheus")
	_, err := exec.LookPath(program)
	kubetest.Need(s, "Prometheus", err == nil, "prometheus")
	dir := s.TempDir()
	s.write(filepath.Join(dir, "rules.yml"), hurried(s.read(filepath.Join(monitoring, "rules", "reconcile.yml"))))
	s.write(filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: reconcile, static_configs: [{targets: [%q]}]}]
`, target))
	p := &prom{site: s, url: "http://" + s.freePort(), seen: map[string]bool{}}
	cmd := exec.Command(program, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", strings.TrimPrefix(p.url, "http://"), "--log.level", "warn")
	log := newLogged()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended already
		_ = cmd.Wait()
	})
	s.await("Prometheus is ready", func() (any, bool) {
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return log, false
		}
		defer resp.Body.Close()
		return log, resp.StatusCode == http.StatusOK
	})
	return p
}

// hurried are rules in which nothing has to last for long.
func hurried(rules string) string {
	rules = regexp.MustCompile(`\[(10|15)m\]`).ReplaceAllString(rules, "[30s]")
	rules = strings.ReplaceAll(rules, "> 1800", "> 5")
	return regexp.MustCompile(`(?m)^( +for:) .*$`).ReplaceAllString(rules, "$1 2s")
}

// freePort is an address on loopback that was free a moment ago.
func (s *site) freePort() string {
	s.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask asks Prometheus' API, and fails where it does not understand.
func (p *prom) ask(path string, query url.Values, into any) {
	p.Helper()
	resp, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	doc := struct{ Data any }{into}
	if err := json.Unmarshal(body, &doc); err != nil || resp.StatusCode != http.StatusOK {
		p.Fatalf("%s %v: %s %v\n%s", path, query, resp.Status, err, body)
	}
}

// size is how many series a query returns now.
func (p *prom) size(expr string) int {
	p.Helper()
	var data struct{ Result []any }
	p.ask("/api/v1/query", url.Values{"query": {expr}}, &data)
	return len(data.Result)
}

// alerts are those that fire, by name.
func (p *prom) alerts() map[string]bool {
	p.Helper()
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	p.ask("/api/v1/alerts", nil, &data)
	out := map[string]bool{}
	for _, a := range data.Alerts {
		if name := a.Labels["alertname"]; a.State == "firing" {
			out[name], p.seen[name] = true, true
		}
	}
	return out
}

// fire waits until all of these alerts have fired, each at some time from now on.
func (p *prom) fire(names ...string) {
	p.Helper()
	for _, name := range names {
		delete(p.seen, name)
	}
	p.await("these fire: "+strings.Join(names, ", "), func() (any, bool) {
		p.alerts()
		return p.seen, !slices.ContainsFunc(names, func(name string) bool { return !p.seen[name] })
	})
}

// allFired wants every alert of the rules to have fired at some time.
func (p *prom) allFired() {
	p.Helper()
	rules := p.read(filepath.Join(monitoring, "rules", "reconcile.yml"))
	for _, found := range regexp.MustCompile(`alert: (\S+)`).FindAllStringSubmatch(rules, -1) {
		if !p.seen[found[1]] {
			p.Errorf("nothing provoked %s", found[1])
		}
	}
}

// quiet waits until no alert fires.
func (p *prom) quiet(after string) {
	p.Helper()
	p.await("after "+after+" no alert fires", func() (any, bool) {
		all := p.alerts()
		time.Sleep(200 * time.Millisecond) // it evaluates each second
		return all, len(all) == 0
	})
}
