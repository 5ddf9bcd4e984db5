package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// deed is a write that an audit log tells of, from when it was received until it was answered.
type deed struct {
	request

	Answered  time.Time `json:"stageTimestamp"`
	ObjectRef struct{ Resource, Namespace, Name string }
}

// audit wants no two replicas to have written to one cluster at a time.
func (c *crew) audit() {
	c.Helper()
	writes, terms := 0, 0
	for i := range spacesOf {
		namespace := c.name + "-" + space(i)
		lease := "reconcile-" + c.name + ".cluster." + space(i)
		found, of, in := judge(c.deeds(c.spaces[namespace], namespace, lease))
		for _, one := range found {
			c.Errorf("%s: %s", space(i), one)
		}
		writes, terms = writes+of, terms+in
	}
	c.Logf("%d writes in %d terms of %d clusters", writes, terms, spacesOf)
	if writes < len(c.pushed) || terms < spacesOf {
		c.Error("the audit logs show too little")
	}
}

// judge says where whoever wrote to a cluster was not the last to have written its Lease, and where somebody else wrote
// before he was done; of how many writes, and in how many terms of one replica after another.
func judge(deeds []deed) (found []string, writes, terms int) {
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
			found = append(found, fmt.Sprintf("%s wrote at %s while %s held the Lease: %s %s", d.User.Username,
				d.At.Format(time.StampMicro), holder, d.Verb, d.RequestURI))
		}
		for _, next := range deeds[n+1:] {
			if next.At.After(d.Answered) {
				break
			}
			if next.User.Username != d.User.Username {
				found = append(found, fmt.Sprintf("%s wrote from %s to %s, and %s meanwhile: %s %s", d.User.Username,
					d.At.Format(time.StampMicro), d.Answered.Format(time.StampMicro), next.User.Username, next.Verb, next.RequestURI))
			}
		}
	}
	return found, writes, terms
}

// The audit finds a replica that writes under another's Lease, and one that takes the Lease while another still writes.
func TestTheAuditOfReplicas(t *testing.T) {
	at := func(who, what string, from, to int) (d deed) {
		d.User.Username, d.ObjectRef.Resource = who, what
		d.At, d.Answered = time.Unix(int64(from), 0), time.Unix(int64(to), 0)
		return d
	}
	for name, c := range map[string]struct {
		deeds []deed
		found int
	}{
		"one after the other":      {[]deed{at("a", "leases", 0, 1), at("a", "secrets", 2, 3), at("b", "leases", 4, 5), at("b", "secrets", 6, 7)}, 0},
		"under another's Lease":    {[]deed{at("a", "leases", 0, 1), at("b", "leases", 2, 3), at("a", "secrets", 4, 5)}, 1},
		"not done when it ended":   {[]deed{at("a", "leases", 0, 1), at("a", "secrets", 2, 5), at("b", "leases", 4, 6)}, 1},
		"two at a time":            {[]deed{at("a", "leases", 0, 1), at("a", "secrets", 2, 5), at("b", "secrets", 4, 6)}, 2},
		"two of one, side by side": {[]deed{at("a", "leases", 0, 1), at("a", "secrets", 2, 5), at("a", "configmaps", 4, 6)}, 0},
	} {
		if found, _, _ := judge(c.deeds); len(found) != c.found {
			t.Errorf("%s: %d are to be found, not %q", name, c.found, found)
		}
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
