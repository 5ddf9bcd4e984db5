package charts

import (
	"encoding/json"
	"slices"
)

// podSpecAt is where a kind keeps the spec of its pods; nil: it makes none.
func podSpecAt(kind string) []string {
	switch kind {
	case "Pod":
		return []string{"spec"}
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job":
		return []string{"spec", "template", "spec"}
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return nil
}

// podSpec is the part of a pod that can reach beyond the pod.
type podSpec struct {
	HostNetwork         bool
	HostPID             bool
	HostIPC             bool
	Containers          []container
	InitContainers      []container
	EphemeralContainers []container
	Volumes             []struct{ HostPath *struct{ Path string } }
}

type container struct {
	Name            string
	SecurityContext struct {
		Privileged   bool
		Capabilities struct{ Add []string }
	}
}

// privileges says what a pod may do to its node.
func privileges(o Object) []string {
	at := podSpecAt(o.Kind)
	if at == nil {
		return nil
	}
	body := o.Body
	for _, field := range at {
		var m map[string]json.RawMessage
		if json.Unmarshal(body, &m) != nil || m[field] == nil {
			return nil
		}
		body = m[field]
	}
	var p podSpec
	if err := json.Unmarshal(body, &p); err != nil {
		return []string{"its pod cannot be read"}
	}
	return p.privileges()
}

func (p podSpec) privileges() []string {
	var out []string
	for what, yes := range map[string]bool{"hostNetwork": p.HostNetwork, "hostPID": p.HostPID, "hostIPC": p.HostIPC} {
		if yes {
			out = append(out, what)
		}
	}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			out = append(out, "hostPath "+v.HostPath.Path)
		}
	}
	for _, c := range slices.Concat(p.Containers, p.InitContainers, p.EphemeralContainers) {
		if c.SecurityContext.Privileged {
			out = append(out, "container "+c.Name+" is privileged")
		}
		for _, add := range c.SecurityContext.Capabilities.Add {
			if add != "NET_BIND_SERVICE" { // which the restricted pod security standard lets through
				out = append(out, "container "+c.Name+" adds "+add)
			}
		}
	}
	return out
}
