package main

import (
	"runtime/metrics"
	"testing"
)

// While any worker is there the heap may grow less, and afterwards as much as before.
func TestFrugalBesideWorkers(t *testing.T) {
	usual := growth(t)
	var f frugal
	endFirst := f.begin()
	endSecond := f.begin()
	endFirst()
	if got := growth(t); got != frugalGrowth || got >= usual {
		t.Errorf("beside a worker the heap may grow by %d %%, want %d %% and less than %d %%", got, frugalGrowth, usual)
	}
	endSecond()
	if got := growth(t); got != usual {
		t.Errorf("afterwards the heap may grow by %d %%, before by %d %%", got, usual)
	}
}

// growth is how much the heap may grow before garbage is collected, in percent.
func growth(t *testing.T) uint64 {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		t.Fatal("Go does not tell how much the heap may grow")
	}
	return sample[0].Value.Uint64()
}
