package kube

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/workspace-providers/reconcile/reconcile"
)

// telling is what a replica tells of a cluster to those who do not reach it, who take it for what they would see there.
// It is written as JSON, packed, into a ConfigMap of the hub. No secret is in it: what is known of a cluster is masked
// where it is read.
type telling struct {
	By string // the replica
	reconcile.ClusterLive

	// These stand for what the cluster has under the same names, and JSON has no way to write.
	Releases pairs[reconcile.ID, reconcile.Observed]
	Refs     pairs[reconcile.RefID, reconcile.RefState]
	Trials   pairs[reconcile.ID, reconcile.Trial]
	Digests  map[string]string // of the admissions; by provider
}

// pairs are the entries of a map whose keys are no text.
type pairs[K comparable, V any] []struct {
	Key   K
	Value V
}

// entries are the entries of a map; nil of a nil map, which means that it is not known.
func entries[K comparable, V any](all map[K]V) (out pairs[K, V]) {
	if all != nil {
		out = make(pairs[K, V], 0, len(all))
	}
	for k, v := range all {
		out = append(out, struct {
			Key   K
			Value V
		}{k, v})
	}
	return out
}

// mapped is what entries was given.
func (p pairs[K, V]) mapped() map[K]V {
	if p == nil {
		return nil
	}
	out := make(map[K]V, len(p))
	for _, e := range p {
		out[e.Key] = e.Value
	}
	return out
}

// tell makes a telling of what a replica sees in a cluster.
func tell(by string, live reconcile.ClusterLive) telling {
	t := telling{
		By: by, ClusterLive: live, Digests: map[string]string{},
		Releases: entries(live.Releases), Refs: entries(live.Refs), Trials: entries(live.Trials),
	}
	for provider, a := range live.Admissions {
		t.Digests[provider] = a.Digest
	}
	return t
}

// heard is what a telling says, as it would be seen.
func (t telling) heard() reconcile.ClusterLive {
	live := t.ClusterLive
	live.Releases, live.Refs, live.Trials = t.Releases.mapped(), t.Refs.mapped(), t.Trials.mapped()
	live.Admissions = maps.Clone(live.Admissions)
	for provider, a := range live.Admissions {
		a.Digest = t.Digests[provider]
		live.Admissions[provider] = a
	}
	return live
}

// A ConfigMap holds 1 MiB, and what is unpacked has to end somewhere.
const (
	maxTold     = 900 << 10
	maxUnpacked = 64 << 20
)

// errMuch says that something does not fit into a ConfigMap.
var errMuch = errors.New("it is more than a ConfigMap holds")

// zipped is v as JSON, packed.
func zipped(v any) ([]byte, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	if err := json.NewEncoder(zip).Encode(v); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	if buf.Len() > maxTold {
		return nil, fmt.Errorf("%d KiB: %w", buf.Len()>>10, errMuch)
	}
	return buf.Bytes(), nil
}

// unzipped reads what zipped made.
func unzipped(data []byte, into any) error {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(zip, maxUnpacked)).Decode(into)
}
