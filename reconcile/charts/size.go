package charts

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	helm "helm.sh/helm/v3/pkg/release"
)

// maxRelease is what the API server takes in one Secret, which is where Helm keeps a release.
const maxRelease = 1 << 20

// releaseSize is the size of Helm's record of a release: its JSON, compressed, in base64. Compressing
// costs more than rendering, so it is only done where the plain size leaves a doubt.
func releaseSize(in RenderInput, ch *chart.Chart, files map[string]string) (int, error) {
	rel := &helm.Release{Name: in.Name, Namespace: in.Namespace, Version: max(in.Revision, 1),
		Info: &helm.Info{Status: helm.StatusDeployed}, Chart: ch, Config: in.Values}
	var manifest bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&manifest, "---\n# Source: %s\n%s\n", name, files[name])
	}
	rel.Manifest = manifest.String()
	plain, err := json.Marshal(rel)
	if err != nil {
		return 0, fmt.Errorf("encode the release: %w", err)
	}
	if bound := base64Size(len(plain) + len(plain)/1000 + 64); bound < maxRelease/2 {
		return bound, nil
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression) // as Helm does
	if err != nil {
		return 0, err
	}
	if _, err := z.Write(plain); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	size := base64Size(out.Len())
	if size > maxRelease {
		return 0, fmt.Errorf("release too large: Helm's record of it has %d KiB, a Secret takes %d; "+
			"make the chart or its values smaller", size>>10, maxRelease>>10)
	}
	return size, nil
}

func base64Size(n int) int { return (n + 2) / 3 * 4 }
