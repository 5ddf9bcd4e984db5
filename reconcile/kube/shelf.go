package kube

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// shelf keeps the chart that was used last: many releases, one after the other, are made from the same. Its zero
// value is empty.
type shelf struct {
	mu     sync.Mutex // guards what follows
	digest string
	chart  *chart.Chart
}

// take is the chart of a digest. Helm writes into the one it is given, so that everybody gets one of his own.
func (s *shelf) take(ctx context.Context, from Charts, digest string) (*chart.Chart, error) {
	s.mu.Lock()
	kept, there := s.chart, s.digest == digest && s.chart != nil
	s.mu.Unlock()
	if there {
		return copyChart(kept), nil
	}
	archive, err := from.Archive(ctx, digest)
	if err != nil {
		return nil, err
	}
	chrt, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.digest, s.chart = digest, chrt
	s.mu.Unlock()
	return copyChart(chrt), nil
}

// copyChart copies what Helm changes where it works out dependencies and values; files are shared.
func copyChart(of *chart.Chart) *chart.Chart {
	metadata := *of.Metadata
	metadata.Dependencies = slices.Clone(metadata.Dependencies)
	for i, on := range metadata.Dependencies {
		dependency := *on
		metadata.Dependencies[i] = &dependency
	}
	out := &chart.Chart{
		Raw: of.Raw, Metadata: &metadata, Lock: of.Lock, Templates: slices.Clone(of.Templates),
		Schema: of.Schema, Files: slices.Clone(of.Files),
	}
	if of.Values != nil {
		out.Values = deepCopy(of.Values).(map[string]any)
	}
	for _, below := range of.Dependencies() {
		out.AddDependency(copyChart(below))
	}
	return out
}
