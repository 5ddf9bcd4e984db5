package charts

import "fmt"

// ReadManifest reads what Helm stored of a release back into objects, in the order in which they stand
// there. Namespace is the release's, for objects that name none. What is word for word the document of an object that is
// known, such as one that the same release is rendered to now, is that object: most of a release does not change.
func ReadManifest(manifest, namespace string, known ...Object) ([]Object, error) {
	r := reader{namespace: namespace, risks: riskSet{}, seen: map[string]string{}, known: make(map[string]Object, len(known))}
	for _, o := range known {
		if o.Document != "" {
			r.known[o.Document] = o
		}
	}
	if err := r.file("manifest", manifest); err != nil {
		return nil, fmt.Errorf("stored manifest: %w", err)
	}
	return r.objects, nil
}
