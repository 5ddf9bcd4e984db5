package kube

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

// outdated says which custom resource definitions in the cluster are not those beside the release: Helm
// makes them once and never changes them.
func (f *flight) outdated(ctx context.Context) []string {
	var out []string
	for _, info := range f.definitions {
		if differs, err := f.compareDefinition(ctx, info); err == nil && differs != "" {
			out = append(out, fmt.Sprintf("custom resource definition: %s in the cluster is another than the chart's, "+
				"and Helm does not update it (%s)", info.Name, differs))
		}
	}
	return out
}

// comparisonOf is the question how a definition in the cluster differs from one with this content.
type comparisonOf struct {
	name string
	sum  [sha256.Size]byte
}

// compareDefinition says what differs; empty where nothing does, or there is none yet.
func (c *conn) compareDefinition(ctx context.Context, info *resource.Info) (string, error) {
	raw, err := json.Marshal(info.Object)
	if err != nil {
		return "", err
	}
	return ask(ctx, &c.answers, comparisonOf{info.Name, sha256.Sum256(raw)}, func(ctx context.Context) (string, error) {
		of := rightOn(info)
		of.verb = "get"
		if err := c.mayAsk(ctx, of); err != nil {
			return "", err
		}
		live, err := c.dynamic.Resource(info.Mapping.Resource).Get(ctx, info.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		have, err := json.Marshal(live)
		if err != nil {
			return "", err
		}
		return differing(raw, have)
	})
}

// differing says what differs between two definitions, once the API server's defaults are in both.
func differing(want, have []byte) (string, error) {
	var defs [2]apiextensionsv1.CustomResourceDefinition
	for i, raw := range [][]byte{want, have} {
		if err := json.Unmarshal(raw, &defs[i]); err != nil {
			return "", err
		}
		apiextensionsv1.SetObjectDefaults_CustomResourceDefinition(&defs[i])
		injected(&defs[i])
	}
	versions := [2]map[string]any{versionsOf(defs[0]), versionsOf(defs[1])}
	var out []string
	for _, name := range sortedNames(versions[0], versions[1]) {
		a, wanted := versions[0][name]
		b, there := versions[1][name]
		switch {
		case !there:
			out = append(out, name+" is missing")
		case !wanted:
			out = append(out, name+" is in the cluster only")
		case !reflect.DeepEqual(a, b):
			out = append(out, name+" differs")
		}
	}
	for i := range defs {
		defs[i].Spec.Versions = nil
	}
	if !reflect.DeepEqual(plain(defs[0].Spec), plain(defs[1].Spec)) {
		out = append(out, "names, scope or conversion differ")
	}
	return strings.Join(out, ", "), nil
}

// injected takes away what others write into a definition: the authority of its conversion webhook.
func injected(def *apiextensionsv1.CustomResourceDefinition) {
	if conv := def.Spec.Conversion; conv != nil && conv.Webhook != nil && conv.Webhook.ClientConfig != nil {
		conv.Webhook.ClientConfig.CABundle = nil
	}
}

func versionsOf(def apiextensionsv1.CustomResourceDefinition) map[string]any {
	out := map[string]any{}
	for _, v := range def.Spec.Versions {
		out[v.Name] = plain(v)
	}
	return out
}

func sortedNames(a, b map[string]any) []string {
	var out []string
	for name := range a {
		out = append(out, name)
	}
	for name := range b {
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plain is a value as its JSON says it, in which an empty field is none.
func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		return err.Error()
	}
	return out
}
