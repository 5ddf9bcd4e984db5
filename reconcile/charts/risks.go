package charts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// riskSet gathers what a person should know before a release is applied.
type riskSet map[string]bool

// add notes a risk: its kind, then what it is about.
func (r riskSet) add(kind, about string) {
	if r != nil {
		r[kind+": "+about] = true
	}
}

// maxRisks keeps a plan readable where a chart has hundreds of one kind.
const maxRisks = 50

func (r riskSet) list() []string {
	out := slices.Sorted(maps.Keys(r))
	if len(out) > maxRisks {
		out = append(out[:maxRisks], fmt.Sprintf("and %d more", len(out)-maxRisks))
	}
	return out
}

func (r riskSet) sized(size int) {
	if size > maxRelease*8/10 {
		r.add("large release", fmt.Sprintf("%d KiB of the %d that Helm can keep", size>>10, maxRelease>>10))
	}
}

func (r riskSet) capable(info Info, caps Capabilities) {
	if info.KubeVersion != "" && caps.KubeVersion == "" {
		r.add("needs kubeVersion", info.KubeVersion+" (the cluster was not asked)")
	}
}

// objects looks at everything that would get into the cluster, hooks and CRDs included.
func (r riskSet) objects(in RenderInput, out Rendered) {
	served := map[string]bool{}
	for _, v := range in.Capabilities.APIVersions {
		served[v] = true
	}
	for _, o := range out.CRDs {
		r.add("custom resource definition", o.Name+" (Helm creates it once and never changes it)")
	}
	all := slices.Clone(out.Objects)
	for _, h := range out.Hooks {
		all = append(all, h.Object)
	}
	own := groups(append(slices.Clone(out.CRDs), all...))
	for _, o := range all {
		r.object(o, in.Namespace)
		r.removed(o, cmp.Or(in.Capabilities.KubeVersion, assumedVersion))
		if len(served) > 0 && !served[o.APIVersion] && !own[o.group()] {
			r.add("API not served", fmt.Sprintf("%s of %s", o.APIVersion, o))
		}
	}
}

func (r riskSet) object(o Object, release string) {
	switch {
	case o.Kind == "Namespace" && o.group() == "":
		r.add("namespace object", o.Name)
	case o.Kind == "CustomResourceDefinition":
		r.add("custom resource definition", o.Name+" (removed with the release, with everything of that kind)")
	case o.Namespace == "":
		r.add("cluster-scoped object", o.String())
	case o.Namespace != release:
		r.add("outside namespace", o.String())
	}
	for _, what := range privileges(o) {
		r.add("privileged pod", o.String()+": "+what)
	}
}

func (r riskSet) removed(o Object, kubeVersion string) {
	gone := removedIn(o.APIVersion, o.Kind)
	have, err := version.ParseGeneric(kubeVersion)
	if gone == "" || err != nil || have.LessThan(version.MustParseGeneric(gone)) {
		return
	}
	r.add("removed API", fmt.Sprintf("%s of %s was removed in Kubernetes %s", o.APIVersion, o, gone))
}

// groups are the API groups that the objects themselves define.
func groups(objects []Object) map[string]bool {
	out := map[string]bool{}
	for _, o := range objects {
		if o.Kind != "CustomResourceDefinition" {
			continue
		}
		if _, group, ok := strings.Cut(o.Name, "."); ok {
			out[group] = true
		}
	}
	return out
}
