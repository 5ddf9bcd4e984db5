package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/status"
)

// What fails for the replica that acts on a cluster, and leaves nothing behind there, the other one knows too; whichever
// of them posts, the commit says the same, and the one that is left goes on alone.
func TestBothReplicasKnowWhatFails(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	s.kubectl(eu, "create", "quota", "none", "--hard=secrets=0")
	s.await("nothing can be installed", func() (any, bool) {
		used := s.kubectl(eu, "get", "quota", "none", "-o", "jsonpath={.status.used.secrets}")
		return used, used == "0"
	})
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	sha := s.push()
	s.write(filepath.Join(s.creds, "hub.kubeconfig"), s.read(s.admin(eu)))
	both := []*daemon{s.daemon("--replica", "r0"), s.daemon("--replica", "r1")}
	for _, d := range both {
		d.until("it says what fails", func(doc status.StatusDoc) bool {
			p := provider(doc, "frankfurt")
			return p.Status == status.Error && strings.Contains(p.Message, "exceeded quota")
		})
	}
	s.noted(sha, "apply failure eu/frankfurt:")
	s.kubectl(eu, "delete", "quota", "none")
	for _, d := range both {
		d.ready(sha, "frankfurt")
	}
	s.noted(sha, "apply success")
	both[0].stop()
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: limit: 2}`)
	sha = s.push()
	both[1].ready(sha, "frankfurt")
	s.noted(sha, "apply success")
	leases := s.kubectl(eu, "get", "leases", "--namespace", "default", "-o", "name")
	if strings.Contains(leases, s.name+".replica.r0") || !strings.Contains(leases, s.name+".replica.r1") {
		t.Errorf("one replica took its leave, and the Leases are\n%s", leases)
	}
	both[1].stop()
}
