package kube

import (
	"context"
	"sync"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/workspace-providers/reconcile/reconcile/charts"
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
		return charts.Copy(kept), nil
	}
	archive, err := from.Archive(ctx, digest)
	if err != nil {
		return nil, err
	}
	chrt, err := charts.Load(archive)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.digest, s.chart = digest, chrt
	s.mu.Unlock()
	return charts.Copy(chrt), nil
}
