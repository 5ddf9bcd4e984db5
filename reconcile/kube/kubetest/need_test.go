package kubetest

import "testing"

// noted is a test that notes how it ends, and goes on.
type noted struct {
	testing.TB
	end string
}

func (n *noted) Helper()               {}
func (n *noted) Fatalf(string, ...any) { n.end = "failed" }
func (n *noted) Skipf(string, ...any)  { n.end = "skipped" }

func TestNothingIsSkippedInContinuousIntegration(t *testing.T) {
	for _, test := range []struct {
		ci    string
		there bool
		end   string
	}{{"", true, ""}, {"", false, "skipped"}, {"true", true, ""}, {"true", false, "failed"}} {
		t.Setenv("CI", test.ci)
		n := &noted{}
		if Need(n, "Prometheus", test.there, "prometheus"); n.end != test.end {
			t.Errorf("CI=%q, there: %t: %q, want %q", test.ci, test.there, n.end, test.end)
		}
	}
}
