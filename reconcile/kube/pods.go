package kube

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/workspace-providers/reconcile/reconcile"
)

// askPods finds out why a release's pods are not ready: people need the container's reason, not "timed
// out".
//
// Pods are not watched: there are many, and they matter only while something is wrong. They are asked for
// until nothing is, not in the first seconds, in which no pod is ready, and less and less often.
func (c *Cluster) askPods(ctx context.Context, s *session, key releaseKey) (news bool, err error) {
	defer c.noteAsked(key)
	text := ""
	selectors, again := c.troubled(s, key)
	c.mu.Lock()
	blind := len(secretive(c.items[key])) > 0
	c.mu.Unlock()
	for _, sel := range selectors {
		pods, err := s.kube.CoreV1().Pods(key.namespace).List(ctx, metav1.ListOptions{LabelSelector: sel.String(), Limit: 50})
		if err != nil {
			return false, err
		}
		for i := range pods.Items {
			if said := podTrouble(&pods.Items[i], blind); said != "" && text == "" {
				text = fmt.Sprintf("Pod/%s: %s", pods.Items[i].Name, said)
			}
		}
	}
	if len(selectors) > 0 {
		s.jobs.AddAfter(job{key, askPods}, again)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[key]
	if k == nil || k.pods == text {
		return false, nil
	}
	k.pods = text
	return true, nil
}

// noteAsked notes that the pods of a release were asked, whatever they said.
func (c *Cluster) noteAsked(key releaseKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[key]; k != nil && !k.asked {
		k.asked = true
		c.fleet.wake()
	}
}

// How long pods have, before they are asked why they are not ready, at first and at most: what is broken for hours
// does not say anything new each moment. Where very many are not ready, in a large rollout or because the cluster is not
// well, they share what it is asked altogether.
const (
	podsInterval = 3 * time.Second
	podsRarely   = 30 * time.Second
	podsShare    = 300 * time.Millisecond // between two releases of a cluster
)

// podsAgain is when pods are asked again that were asked so many times, of one of so many releases.
func podsAgain(times, releases int) time.Duration {
	return max(min(podsRarely, podsInterval<<min(times-1, 10)), time.Duration(releases)*podsShare)
}

// unwell is how many releases there are whose pods are being asked. The caller holds mu.
func (c *Cluster) unwell() int {
	n := 0
	for _, k := range c.known {
		if k.asking {
			n++
		}
	}
	return n
}

// troubled selects the pods of the release's workloads that are not well, and says when to ask them again.
func (c *Cluster) troubled(s *session, key releaseKey) (pods []labels.Selector, again time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[key]
	if k == nil {
		return nil, 0
	}
	for _, ref := range k.objects {
		if obj, known := s.object(ref); known && obj != nil && obj.selector != nil && obj.health != reconcile.Healthy {
			pods = append(pods, obj.selector)
		}
	}
	if k.asking = len(pods) > 0; !k.asking {
		k.unwell = 0
		return nil, 0
	}
	k.unwell++
	return pods, podsAgain(k.unwell, c.unwell())
}

// podTrouble is why a pod is not ready, in the words of its container or of the scheduler; empty where it
// says nothing. A container's own words are left out where it may have been given a Secret's value.
func podTrouble(pod *corev1.Pod, blind bool) string {
	words := func(message string) string {
		if blind {
			return ""
		}
		return message
	}
	for _, st := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if w := st.State.Waiting; w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			return join(st.Name, w.Reason, words(w.Message))
		}
		if t := st.State.Terminated; t != nil && t.ExitCode != 0 {
			return join(st.Name, fmt.Sprintf("%s, exit code %d", t.Reason, t.ExitCode), words(t.Message))
		}
	}
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return join("", cond.Reason, cond.Message)
		}
	}
	return ""
}

func join(container, reason, message string) string {
	text := reason
	if container != "" {
		text = "container " + container + ": " + reason
	}
	if message != "" {
		text += ": " + strings.TrimSpace(message)
	}
	return text
}
