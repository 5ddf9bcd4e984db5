package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// A chart that is given a Secret's value may quote it when it fails, and so may the API server of an object that it
// refuses. Both may have made something else of it first, which nobody could find and black out. So what they say of
// a release with such values is not passed on: where it failed is, and at which field, which helps as much.

// withheld is an error that says what happened without the words of those who may quote a Secret.
type withheld struct {
	text string
	err  error // for errors.Is and errors.As alone
}

func (w *withheld) Error() string { return w.text }
func (w *withheld) Unwrap() error { return w.err }

// secretive are the Secrets that a release takes values from: "Secret coder/token".
func secretive(it reconcile.Item) []string {
	var out []string
	for _, ref := range it.Release.References {
		if ref.Kind == "Secret" {
			out = append(out, fmt.Sprintf("Secret %s/%s", it.ID.Namespace, ref.Name))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// discreet is an error of Helm's as it may be passed on. Going back to an older revision is to values from nobody
// knows where.
func (op *operation) discreet(err error) error {
	from := secretive(op.action.Want)
	if op.action.Op == reconcile.OpRollback {
		from = append(from, "Secrets of that time")
	}
	if err == nil || len(from) == 0 {
		return err
	}
	what, quotes := op.outline(err)
	if !quotes {
		return err
	}
	return &withheld{err: err, text: fmt.Sprintf("%s; the message itself is withheld, since it may quote values from %s",
		what, strings.Join(from, ", "))}
}

// outline is what can be said of an error without its words, and whether these may quote a value.
func (op *operation) outline(err error) (what string, quotes bool) {
	var refused apierrors.APIStatus
	var network *url.Error
	switch {
	case errors.As(err, &refused):
		return op.refusal(refused.Status())
	case errors.As(err, &network), errors.Is(err, reconcile.ErrFenced), errors.Is(err, reconcile.ErrFrozen),
		errors.Is(err, errReadOnly), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "", false
	case !op.client.built:
		return "the chart cannot be rendered with these values" + templateOf(err), true
	case op.action.Op == reconcile.OpRollback || op.quoted(err.Error()):
		return "it failed", true
	}
	return "", false
}

// refusal outlines an answer of the API server. Those about whether an object is there, or the server too busy,
// quote nothing.
func (op *operation) refusal(s metav1.Status) (what string, quotes bool) {
	switch s.Reason {
	case metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists, metav1.StatusReasonConflict,
		metav1.StatusReasonUnauthorized, metav1.StatusReasonTooManyRequests, metav1.StatusReasonServerTimeout,
		metav1.StatusReasonTimeout, metav1.StatusReasonServiceUnavailable, metav1.StatusReasonExpired:
		return "", false
	}
	what = fmt.Sprintf("the API server refuses an object: %d %s", s.Code, s.Reason)
	if s.Details == nil || op.action.Op == reconcile.OpRollback {
		return what, true
	}
	fields := map[string]bool{}
	for _, cause := range s.Details.Causes {
		if field := bracketed.ReplaceAllString(cause.Field, "[…]"); field != "" {
			fields[field] = true
		}
	}
	more := ""
	if len(fields) > 0 {
		more = " at " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
	}
	if kind := s.Details.Kind; kind != "" {
		more = ", of kind " + kind + more
	}
	if op.quoted(more) {
		return what, true
	}
	return what + more, true
}

// bracketed are the keys of maps in the path of a field, which may come from anywhere.
var bracketed = regexp.MustCompile(`\[[^\]]*[^\]0-9][^\]]*\]`)

// quoted says whether a text has something in it that a Secret gave to this operation.
func (op *operation) quoted(text string) bool {
	return slices.ContainsFunc(op.secrets, func(secret string) bool { return secret != "" && strings.Contains(text, secret) })
}

// position is where a template failed, in Helm's words.
var position = regexp.MustCompile(`[\w./-]+\.(?:yaml|yml|json|tpl|txt):\d+(?::\d+)?`)

// templateOf is where a chart failed: " at small/templates/all.yaml:3:7".
func templateOf(err error) string {
	if at := position.FindString(err.Error()); at != "" {
		return " at " + at
	}
	return ""
}

// texts are all keys and values of a document.
func texts(v any) []string {
	switch v := v.(type) {
	case map[string]any:
		var out []string
		for key, below := range v {
			out = append(append(out, key), texts(below)...)
		}
		return out
	case []any:
		var out []string
		for _, below := range v {
			out = append(out, texts(below)...)
		}
		return out
	case nil, bool:
		return nil
	}
	return []string{fmt.Sprint(v)}
}
