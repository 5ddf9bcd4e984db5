package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/probe"
)

// How often declared evidence is asked for: often while it is not given, seldom while it is. A dry run
// costs the API server something, an HTTP answer does not: an idle cluster is asked for one a minute at most, all
// releases together.
const (
	proveTick    = time.Second
	proveFailing = 5 * time.Second
	proveHTTP    = 30 * time.Second
	proveCluster = 5 * time.Minute
	proveEach    = time.Minute
	proveTimeout = 5 * time.Second
)

// notAsked is the message of a release of which nobody knows yet whether its evidence is given.
const notAsked = "its evidence is being asked for"

// subject is what evidence is asked about: a release, or a provider that has none.
type subject struct {
	release  releaseKey
	provider string
}

// proof is the newest answer.
type proof struct {
	at       time.Time
	revision int    // of the release, that it is about
	lacking  string // why the evidence is not given; empty: it is
}

// claim is a subject with what would prove it.
type claim struct {
	subject
	revision  int
	namespace string // that must be there; only of a provider without release
	check     reconcile.ReadyCheck
}

// every is how often a claim is proved again once it was, where the cluster is asked to prove so many.
func (cl claim) every(asked int) time.Duration {
	if cl.asks() {
		return max(proveCluster, time.Duration(asked)*proveEach)
	}
	return proveHTTP
}

// asks says whether the cluster is asked for the evidence.
func (cl claim) asks() bool { return cl.namespace != "" || len(cl.check.Create) > 0 }

// prove asks for declared evidence until the session ends.
func (c *Cluster) prove(s *session) {
	tick := time.NewTicker(proveTick)
	defer tick.Stop()
	for {
		for _, cl := range c.due(time.Now()) {
			lacking := c.try(s, cl)
			if s.ctx.Err() != nil {
				return
			}
			c.proved(cl, lacking)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// due are the claims that it is time to prove: of healthy releases that declare evidence, and of
// providers without release.
func (c *Cluster) due(now time.Time) []claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, asked := c.claims(), 0
	for _, cl := range all {
		if cl.asks() {
			asked++
		}
	}
	return slices.DeleteFunc(all, func(cl claim) bool {
		p, there := c.proofs[cl.subject]
		wait := proveFailing
		if there && p.lacking == "" {
			wait = cl.every(asked)
		}
		return there && p.revision == cl.revision && now.Sub(p.at) < wait
	})
}

// claims are all that can be proved now.
func (c *Cluster) claims() (out []claim) {
	for key, it := range c.items {
		k := c.known[key]
		if declares(it.Release.Ready) && k != nil && k.sound {
			out = append(out, claim{subject: subject{release: key}, revision: k.revision, check: it.Release.Ready})
		}
	}
	for name, p := range c.bare {
		out = append(out, claim{subject: subject{provider: name}, namespace: p.Namespace, check: p.Ready})
	}
	return out
}

func declares(check reconcile.ReadyCheck) bool { return check.HTTP != "" || len(check.Create) > 0 }

// try asks for the evidence of one claim and says what is lacking.
func (c *Cluster) try(s *session, cl claim) (lacking string) {
	ctx, cancel := context.WithTimeout(s.ctx, proveTimeout)
	defer cancel()
	if cl.namespace != "" {
		if err := s.namespaceThere(ctx, cl.namespace); err != nil {
			return err.Error()
		}
	}
	if cl.check.HTTP != "" {
		if err := c.fleet.answers(ctx, cl.check); err != nil {
			return err.Error()
		}
	}
	if len(cl.check.Create) > 0 {
		if err := s.accepts(ctx, cl.release.namespace, cl.check.Create); err != nil {
			return err.Error()
		}
	}
	return ""
}

// proved keeps an answer and tells about it if it is another than before.
func (c *Cluster) proved(cl claim, lacking string) {
	c.mu.Lock()
	if c.proofs == nil {
		c.proofs = map[subject]proof{}
	}
	before, there := c.proofs[cl.subject]
	c.proofs[cl.subject] = proof{time.Now(), cl.revision, lacking}
	c.mu.Unlock()
	if !there || before.lacking != lacking || before.revision != cl.revision {
		c.touch(cl.release)
	}
}

// answers says whether a URL answers well.
func (f *Fleet) answers(ctx context.Context, check reconcile.ReadyCheck) error {
	client, err := f.client(check)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, check.HTTP, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the daemon gets no answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s answers %s", check.HTTP, resp.Status)
	}
	return nil
}

// client asks for evidence: it trusts those authorities alone that the evidence names, if it names any.
func (f *Fleet) client(check reconcile.ReadyCheck) (*http.Client, error) {
	if check.CA == "" {
		return f.HTTP, nil
	}
	return probe.Client(f.Authorities, check.CA, proveTimeout)
}

// accepts says whether an object could be created: a dry run on the server, admission included.
func (s *session) accepts(ctx context.Context, namespace string, body map[string]any) error {
	obj := &unstructured.Unstructured{Object: charts.CopyValue(body).(map[string]any)}
	if obj.GetName() == "" && obj.GetGenerateName() == "" {
		obj.SetGenerateName("reconcile-sample-")
	}
	gvk := obj.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return fmt.Errorf("sample %s: %w", gvk.Kind, err)
	}
	if obj.GetNamespace() == "" {
		obj.SetNamespace(namespace)
	}
	_, err = s.dynamic.Resource(mapping.Resource).Namespace(obj.GetNamespace()).
		Create(ctx, obj, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a sample %s would be refused: %w", gvk.Kind, err)
	}
	return nil
}

// evidence turns a release whose objects are healthy into one that is not ready yet as long as declared
// evidence is lacking.
func (c *Cluster) evidence(key releaseKey, k *known, obs *reconcile.Observed) {
	k.sound = obs.Health == reconcile.Healthy
	check := c.items[key].Release.Ready
	if !k.sound || !declares(check) {
		return
	}
	p, there := c.proofs[subject{release: key}]
	switch {
	case !there || p.revision != obs.Revision:
		obs.Health, obs.Message = reconcile.Progressing, notAsked
	case p.lacking != "":
		obs.Health, obs.Message = reconcile.Progressing, p.lacking
	}
}

// bareEvidence is what providers without release lack; one that was not asked about is left out.
func (c *Cluster) bareEvidence() map[string]string {
	out := map[string]string{}
	for name := range c.bare {
		if p, there := c.proofs[subject{provider: name}]; there {
			out[name] = p.lacking
		}
	}
	return out
}

// asked says whether every declared evidence was asked for at least once.
func (c *Cluster) asked() bool {
	for name := range c.bare {
		if _, there := c.proofs[subject{provider: name}]; !there {
			return false
		}
	}
	for key, it := range c.items {
		k := c.known[key]
		if p, there := c.proofs[subject{release: key}]; declares(it.Release.Ready) && k != nil && k.sound &&
			(!there || p.revision != k.revision) {
			return false
		}
	}
	return true
}
