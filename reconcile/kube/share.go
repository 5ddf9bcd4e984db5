package kube

import (
	"cmp"
	"hash/fnv"
)

// first is the replica whose turn it is to hold a cluster's Lease: of those that live, the one whose name goes best with
// the cluster's. So each cluster has its own order of replicas, which everybody knows who knows their names; when one
// dies its clusters go to the others, each to the next in its order, and all else stays as it is.
func first(cluster string, replicas []string) string {
	best, weight := "", uint64(0)
	for _, name := range replicas {
		if w := fit(cluster, name); best == "" || cmp.Or(cmp.Compare(w, weight), cmp.Compare(name, best)) > 0 {
			best, weight = name, w
		}
	}
	return best
}

// fit is how well a replica goes with a cluster: a hash, of which nothing is asked but that it is spread out.
func fit(cluster, replica string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(cluster + "\x00" + replica)) // it never fails
	x := h.Sum64()                                     // whose high bits hardly depend on the last letters
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
