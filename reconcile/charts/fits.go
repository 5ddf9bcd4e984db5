package charts

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
)

// fits says why a chart that wants a certain Kubernetes cannot be installed; nil: it can. Helm would refuse
// the same.
func (c Capabilities) fits(want string, caps *chartutil.Capabilities) error {
	have := caps.KubeVersion.Version
	switch {
	case want == "" || chartutil.IsCompatibleRange(want, have):
		return nil
	case c.KubeVersion == "":
		return fmt.Errorf("it needs Kubernetes %s, and the newest that is known here is %s; choose another version of the chart", want, have)
	}
	hint := ""
	if release, _, pre := strings.Cut(have, "-"); pre && chartutil.IsCompatibleRange(want, release) {
		hint = " (a pre-release for Helm, which only matches what ends in -0)"
	}
	return fmt.Errorf("it needs Kubernetes %s, the cluster has %s%s; choose another version of the chart", want, have, hint)
}
