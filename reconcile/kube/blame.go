package kube

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/workspace-providers/reconcile/reconcile"
)

// blaming does something and says of its error whose fault it is: the cluster's, where that left requests without
// answer meanwhile and did not say itself what is wrong with what it was asked. Helm does not always pass on what a
// request ended with.
func (c *Cluster) blaming(do func() error) error {
	_, before := c.reach.health()
	err := do()
	if _, after := c.reach.health(); err == nil || after == before || definite(err) {
		return err
	}
	return busy{err}
}

// definite says whether a cluster gave an answer that it would give again.
func definite(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return false
	}
	code := answer.Status().Code
	return code < http.StatusInternalServerError && code != http.StatusTooManyRequests
}

// busy is an error that is the cluster's fault. It says what it said before.
type busy struct{ error }

func (b busy) Is(target error) bool { return target == reconcile.ErrBusy }

func (b busy) Unwrap() error { return b.error }
