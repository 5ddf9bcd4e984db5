package edit

import (
	"fmt"

	"github.com/workspace-providers/reconcile/schema"
)

// The two URLs that a change of the access URL is declared with.
const (
	deployment = "deployment"
	now        = "accessURL"
	before     = "previousAccessURL"
)

// SetAccessURL makes url the access URL and declares the one that was there as the previous one, so that the change
// is under way until that is taken out. While one is under way it can only be taken back. It returns in words what
// it did; where there was nothing to do, nothing is changed. Places that it leaves to a person are schema.Errors.
func (f *Files) SetAccessURL(url string) (did string, err error) {
	if err := schema.CheckAccessURL(url); err != nil {
		return "", fmt.Errorf("access URL %q: %w", url, err)
	}
	field, current, err := f.accessURL(url)
	if err != nil {
		return "", err
	}
	old := f.Fields(deployment, before)
	switch {
	case current == url:
		return fmt.Sprintf("%s is the access URL already: nothing to do", url), nil
	case len(old) == 0:
		field.SetText(url)
		field.Add(before, current)
		return fmt.Sprintf("the access URL changes from %s to %s", current, url), nil
	}
	previous, plain := old[0].Text()
	switch {
	case len(old) > 1 || !plain || previous != url:
		return "", underWay(old, previous)
	default:
		field.SetText(url)
		old[0].SetText(current)
		return fmt.Sprintf("the access URL goes back from %s to %s", current, url), nil
	}
}

// accessURL is where the access URL is written out, and what it is there.
func (f *Files) accessURL(url string) (Field, string, error) {
	found := f.Fields(deployment, now)
	if len(found) == 1 {
		if current, plain := found[0].Text(); plain {
			return found[0], current, nil
		}
	}
	problem := "is not written out as a string"
	switch {
	case len(found) == 0:
		found, problem = f.Fields(deployment), "holds no accessURL that is written out"
	case len(found) > 1:
		problem = "is written in several places"
	}
	return Field{}, "", refusal(found, fmt.Sprintf(
		"%s: make it %q by hand, and write what it is now into %s.%s", problem, url, deployment, before))
}

// underWay refuses another change while one is under way.
func underWay(old []Field, previous string) error {
	back := ", by hand, since it is not written out in one place"
	if previous != "" && len(old) == 1 {
		back = ": reconcile access-url set " + previous
	}
	return refusal(old, "a change of the access URL is under way: take this out when all providers have gone over "+
		"(reconcile access-url status), or go back first"+back)
}

// refusal is the same mistake in several places.
func refusal(found []Field, message string) error {
	errs := make(schema.Errors, len(found))
	for i, f := range found {
		errs[i] = schema.Error{Position: f.Position(), Path: f.path, Message: message}
	}
	if len(errs) == 0 {
		errs = schema.Errors{{Path: deployment, Message: message}}
	}
	return errs
}
