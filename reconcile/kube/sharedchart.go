package kube

import (
	"crypto/sha256"
	"encoding/json"
	"runtime"
	"sync"
	"weak"

	"helm.sh/helm/v3/pkg/chart"
)

// sharedCharts are the charts of the releases that are in memory. Most of what Helm stores of a release is its chart,
// and a thousand releases have few.
var sharedCharts sync.Map // of weak.Pointer[chart.Chart], by the digest of what was stored

// sharedChart is a chart as Helm stored it: the same for all releases of which the same was stored, for as long as
// any of them is in memory. Nobody may write into it.
type sharedChart struct{ *chart.Chart }

func (s *sharedChart) UnmarshalJSON(raw []byte) error {
	sum := sha256.Sum256(raw)
	if known, there := sharedCharts.Load(sum); there {
		if s.Chart = known.(weak.Pointer[chart.Chart]).Value(); s.Chart != nil {
			return nil
		}
	}
	if err := json.Unmarshal(raw, &s.Chart); err != nil || s.Chart == nil {
		return err
	}
	mine := weak.Make(s.Chart)
	sharedCharts.Store(sum, mine)
	runtime.AddCleanup(s.Chart, func(sum [sha256.Size]byte) { sharedCharts.CompareAndDelete(sum, mine) }, sum)
	return nil
}
