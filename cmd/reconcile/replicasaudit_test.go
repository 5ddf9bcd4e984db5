package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// deed is a write that an audit log tells of, from when it was received until it was answered.
type deed struct {
	request

	Answered  time.Time `json:"stageTimestamp"`
	ObjectRef struct{ Resource, Namespace, Name string }
}

// audit wants no two replicas to have written to one cluster at a time: whoever wrote was the last to have written the
// cluster's Lease, and nobody else wrote that before he was done.
func (c *crew) audit() {
	c.Helper()
	writes, terms := 0, 0
	for i := range spacesOf {
		namespace := c.name + "-" + space(i)
		lease := "reconcile-" + c.name + ".cluster." + space(i)
		deeds := c.deeds(c.spaces[namespace], namespace, lease)
		holder := ""
		for n, d := range deeds {
			if d.ObjectRef.Resource == "leases" {
				if holder != d.User.Username {
					holder, terms = d.User.Username, terms+1
				}
				continue
			}
			writes++
			if holder != "" && holder != d.User.Username {
				c.Errorf("%s: %s wrote at %s while %s held the Lease: %s %s", space(i), d.User.Username,
					d.At.Format(time.StampMicro), holder, d.Verb, d.RequestURI)
			}
			for _, next := range deeds[n+1:] {
				if next.At.After(d.Answered) {
					break
				}
				if next.User.Username != d.User.Username {
					c.Errorf("%s: %s wrote from %s to %s, and %s meanwhile: %s %s", space(i), d.User.Username, d.At.Format(time.StampMicro),
						d.Answered.Format(time.StampMicro), next.User.Username, next.Verb, next.RequestURI)
				}
			}
		}
	}
	c.Logf("%d writes in %d terms of %d clusters", writes, terms, spacesOf)
	if writes < len(c.pushed) || terms < spacesOf {
		c.Error("the audit logs show too little")
	}
}

// deeds are what replicas wrote in a namespace, and that they took or kept its Lease, by when it was received.
func (c *crew) deeds(server, namespace, lease string) (out []deed) {
	c.Helper()
	log, err := os.Open(filepath.Join(kubetest.Dir(c), ".localkube", server, "audit.log"))
	if err != nil {
		c.Fatal(err)
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d deed
		if !strings.Contains(lines.Text(), c.name) || json.Unmarshal(lines.Bytes(), &d) != nil || !slices.Contains(c.users, d.User.Username) {
			continue
		}
		ours := d.ObjectRef.Namespace == namespace || d.ObjectRef.Resource == "leases" && d.ObjectRef.Name == lease
		if ours && d.writes() && d.ResponseStatus.Code < 300 {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b deed) int { return cmp.Compare(a.At.UnixMicro(), b.At.UnixMicro()) })
	return out
}
