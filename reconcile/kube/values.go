package kube

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// values are the release's values with what only the target cluster knows put in. They go to Helm and
// nowhere else.
func (op *operation) values(ctx context.Context) (map[string]any, error) {
	rel := op.action.Want.Release
	out := charts.CopyValue(rel.Values).(map[string]any)
	for _, ref := range rel.References {
		text, err := op.session.content(ctx, op.key.namespace, ref)
		if err != nil {
			return nil, err
		}
		op.conceal(ref, text)
		if ref.Path != "" {
			if err := put(out, strings.Split(ref.Path, "."), text); err != nil {
				return nil, fmt.Errorf("value %s from %s %s: %w", ref.Path, ref.Kind, ref.Name, err)
			}
			continue
		}
		doc, err := document(text)
		if err != nil {
			return nil, fmt.Errorf("%s %s, key %s: it is not a YAML document of values", ref.Kind, ref.Name, ref.Key)
		}
		op.conceal(ref, texts(doc)...)
		fill(out, doc)
	}
	return out, nil
}

// conceal notes what is not to be said.
func (op *operation) conceal(ref reconcile.Reference, texts ...string) {
	if ref.Kind == "Secret" {
		op.secrets = append(op.secrets, texts...)
	}
}

// document reads a YAML map, in which whole numbers stay whole. What is wrong with it is not said: it may
// be a secret.
func document(text string) (map[string]any, error) {
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	return doc, json.Unmarshal(raw, &doc)
}

// fill puts into values what more has and they do not: what is declared is what a plan has shown, so it
// wins.
func fill(values, more map[string]any) {
	for key, v := range more {
		have, there := values[key]
		below, isMap := have.(map[string]any)
		deeper, areBoth := v.(map[string]any)
		switch {
		case !there:
			values[key] = v
		case isMap && areBoth:
			fill(below, deeper)
		}
	}
}

// content reads one key of a Secret or ConfigMap.
func (s *session) content(ctx context.Context, namespace string, ref reconcile.Reference) (string, error) {
	var data map[string][]byte
	if ref.Kind == "ConfigMap" {
		cm, err := s.kube.CoreV1().ConfigMaps(namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		if text, there := cm.Data[ref.Key]; there {
			return text, nil
		}
		data = cm.BinaryData
	} else {
		secret, err := s.kube.CoreV1().Secrets(namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		data = secret.Data
	}
	text, there := data[ref.Key]
	if !there {
		return "", fmt.Errorf("%s %s/%s has no key %q", ref.Kind, namespace, ref.Name, ref.Key)
	}
	return string(text), nil
}

// put sets a value at a path, making the maps on the way.
func put(values map[string]any, path []string, text string) error {
	for ; len(path) > 1; path = path[1:] {
		next, isMap := values[path[0]].(map[string]any)
		if _, there := values[path[0]]; there && !isMap {
			return fmt.Errorf("%s is not a map", path[0])
		}
		if next == nil {
			next = map[string]any{}
			values[path[0]] = next
		}
		values = next
	}
	values[path[0]] = text
	return nil
}
