package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// A cluster that cannot be reached from outside is acted on by a replica inside, which tells the others of it through the
// hub: they see what is there and what would happen, the waves of a rollout keep their order across, and the commit says
// how it ended. The replica inside has the rights of its chart at the hub, and each is used.
func TestAClusterThatIsReachedFromInsideAlone(t *testing.T) {
	s := newSite(t, eu)
	s.env = byLists
	t.Cleanup(func() { s.clear([]string{us}) })
	s.kubectl(us, "create", "namespace", s.name)
	s.write(filepath.Join(s.creds, "hub.kubeconfig"), s.read(s.admin(eu)))
	inside := s.inside()
	provided := func(limit string) string {
		return `clusters: us: {}
providers: {
	near: {cluster: "eu", wave: 1, values: limit: ` + limit + `}
	far: {cluster: "us", wave: 0, values: limit: ` + limit + `}
}`
	}
	s.declare("providers.cue", provided("1"))
	sha := s.push()
	outer := s.daemon("--replica", "outer")
	inner := s.daemon(inside...)
	for _, d := range []*daemon{outer, inner} {
		d.ready(sha, "near", "far")
	}
	s.noted(sha, "apply success")
	if c := cluster(outer.status(), us); c.Via != "inner" || c.Held || !c.Reachable || c.Error != "" {
		t.Errorf("outside the far cluster is seen as %+v", c)
	}
	if c := cluster(inner.status(), eu); c.Via != "outer" || c.Held || !c.Reachable {
		t.Errorf("inside the other cluster is seen as %+v", c)
	}

	far := []string{"--clusters", filepath.Join(inside[1], "clusters"), "--cluster", us}
	s.want(exitOK, append([]string{"freeze", "--reason", "incident 7", "--by", "ada", "--for", "1h"}, far...)...)
	s.declare("providers.cue", provided("2"))
	sha = s.push()
	doc := outer.until("what is frozen far away is shown, and what comes after it waits", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "far").Reason == reconcile.Frozen && provider(doc, "near").Status == status.Pending
	})
	if c := cluster(doc, us); len(c.Freezes) != 1 {
		t.Errorf("of the freeze there is known outside: %+v", c.Freezes)
	}
	s.await("what would happen there is shown outside, field by field", func() (any, bool) {
		_, plan := outer.get("/api/v1/plan")
		return plan, strings.Contains(plan, "~ ConfigMap "+s.name+"/far") && strings.Contains(plan, "wave 0: 0 of 1 are Ready")
	})
	s.want(exitOK, append([]string{"thaw", "--reason", "mended"}, far...)...)
	outer.ready(sha, "near", "far")
	s.noted(sha, "apply success")

	inner.kill()
	outer.until("nobody tells of the cluster any more", func(doc status.StatusDoc) bool {
		c := cluster(doc, us)
		return !c.Reachable && strings.Contains(c.Error, "replica inner")
	})
	s.declare("providers.cue", provided("3"))
	sha = s.push()
	outer.until("what is not reached waits", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "far").Reason == reconcile.Unknown
	})
	inner = s.daemon(inside...)
	outer.ready(sha, "near", "far")
	inner.stop()
	outer.stop()
	s.rightsAreUsed(eu, "inner", toSpeak)
}

// cluster is a cluster of a status.
func cluster(doc status.StatusDoc, name string) (out status.ClusterDoc) {
	for _, c := range doc.Clusters {
		if c.Name == name {
			out = c
		}
	}
	return out
}

// inside are the arguments of a replica in the far cluster: its credentials there, and at the hub an account that may do
// what the chart says and nothing more.
func (s *site) inside() []string {
	s.Helper()
	creds := s.creds + "-inside"
	s.install(eu, "inner", "--set", "only=hub,pull.cluster=us,pull.replica=inner,pull.deployment="+s.name)
	s.write(filepath.Join(creds, "hub.kubeconfig"), s.kubeconfigFor(eu, "inner"))
	s.write(filepath.Join(creds, "clusters", us+".kubeconfig"), s.read(s.admin(us)))
	return []string{"--credentials", creds, "--replica", "inner"}
}
