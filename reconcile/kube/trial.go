package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What a cluster's list of failures may hold: more of them fail for the same reason.
const (
	maxTrials     = 200
	maxTrialError = 1 << 10 // bytes
)

// trial is a failed action in the list of its cluster, a ConfigMap in the namespace of our Leases. It is there for
// other processes, which tell people of it.
type trial struct {
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Digest    string    `json:"digest"`
	Count     int       `json:"count"`
	Error     string    `json:"error"`
	Next      time.Time `json:"next"`
}

func trialsName(owner, cluster string) string { return "reconcile-" + owner + ".trials." + cluster }

// trials are the failures that are noted in the cluster; nil: that is not known yet.
func (s *session) trials() map[reconcile.ID]reconcile.Trial {
	if !s.state.HasSynced() {
		return nil
	}
	out := map[reconcile.ID]reconcile.Trial{}
	for _, t := range s.trialList() {
		id := reconcile.ID{Cluster: s.cluster.name, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}
		out[id] = reconcile.Trial{Digest: t.Digest, Count: t.Count, Err: t.Error, Next: t.Next}
	}
	return out
}

// trialList is the list as the watch has it. One that was damaged by hand is empty.
func (s *session) trialList() []trial {
	name := s.cluster.fleet.Namespace + "/" + trialsName(s.cluster.owner, s.cluster.name)
	got, there, err := s.state.GetStore().GetByKey(name)
	if err != nil || !there {
		return nil
	}
	var list []trial
	if json.Unmarshal([]byte(got.(*corev1.ConfigMap).Data["trials"]), &list) != nil {
		return nil
	}
	return list
}

// Note has other processes know what failed here.
func (c *Cluster) Note(trials map[reconcile.ID]reconcile.Trial) {
	list := trialsOf(trials)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || !c.lease.held() || !c.session.state.HasSynced() {
		return
	}
	if reflect.DeepEqual(list, c.trials) && c.session.noted {
		return
	}
	c.trials = list
	c.session.noted = true
	c.session.jobs.Add(job{kind: noteTrials})
}

// trialsOf is what is noted of failures, in an order of its own.
func trialsOf(trials map[reconcile.ID]reconcile.Trial) []trial {
	var out []trial
	for id, t := range trials {
		out = append(out, trial{id.Kind, id.Namespace, id.Name, t.Digest, t.Count, shortened(t.Err), t.Next.UTC().Truncate(time.Second)})
	}
	slices.SortFunc(out, func(a, b trial) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), maxTrials)]
}

// shortened cuts a long message, and not in the middle of a letter.
func shortened(text string) string {
	if len(text) <= maxTrialError {
		return text
	}
	return head(text, maxTrialError) + "…"
}

// head is the beginning of a text, of n bytes at most and not in the middle of a letter.
func head(text string, n int) string {
	text = text[:min(n, len(text))]
	for !utf8.ValidString(text) && text != "" {
		text = text[:len(text)-1]
	}
	return text
}

// noteTrials writes the list, unless it stands there already.
func (c *Cluster) noteTrials(ctx context.Context, s *session) error {
	c.mu.Lock()
	list := c.trials
	c.mu.Unlock()
	if have := s.trialList(); reflect.DeepEqual(have, list) || len(have)+len(list) == 0 || c.fence() != nil {
		return nil // without the right to write, somebody else knows better
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	name, labels := trialsName(c.owner, c.name), map[string]string{stateLabel: "trials", markOwner: c.owner}
	cm := applycorev1.ConfigMap(name, c.fleet.Namespace).WithLabels(labels).WithData(map[string]string{"trials": string(text)})
	got, err := s.kube.CoreV1().ConfigMaps(c.fleet.Namespace).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("noting what failed: %w", err)
	}
	return caughtUp(ctx, func() bool {
		obj, there, err := s.state.GetStore().GetByKey(c.fleet.Namespace + "/" + name)
		return err == nil && there && reached(obj.(*corev1.ConfigMap).ResourceVersion, got.ResourceVersion)
	})
}
