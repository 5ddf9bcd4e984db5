package charts

import "fmt"

// ReadManifest reads what Helm stored of a release back into objects, in the order in which they stand
// there. Namespace is the release's, for objects that name none.
func ReadManifest(manifest, namespace string) ([]Object, error) {
	r := reader{namespace: namespace, risks: riskSet{}, seen: map[string]string{}}
	if err := r.file("manifest", manifest); err != nil {
		return nil, fmt.Errorf("stored manifest: %w", err)
	}
	return r.objects, nil
}
