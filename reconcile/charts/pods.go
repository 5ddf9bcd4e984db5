package charts

import "fmt"

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

// privileges says what the pods of an object may do to their node.
func privileges(o Object) []string {
	at := podSpecAt(o.Kind)
	if at == nil {
		return nil
	}
	var spec any = decode(o.Body)
	for _, key := range at {
		spec = dig(spec, key)
	}
	var out []string
	for _, what := range []string{"hostIPC", "hostNetwork", "hostPID"} {
		if dig(spec, what) == true {
			out = append(out, what)
		}
	}
	for _, v := range elements(dig(spec, "volumes")) {
		if host := dig(v, "hostPath"); host != nil {
			out = append(out, fmt.Sprint("hostPath ", dig(host, "path")))
		}
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, c := range elements(dig(spec, list)) {
			out = append(out, containerPrivileges(c)...)
		}
	}
	return out
}

func containerPrivileges(c any) []string {
	var out []string
	rules := dig(c, "securityContext")
	if dig(rules, "privileged") == true {
		out = append(out, fmt.Sprintf("container %v is privileged", dig(c, "name")))
	}
	for _, add := range elements(dig(dig(rules, "capabilities"), "add")) {
		if add != "NET_BIND_SERVICE" { // which the restricted pod security standard lets through
			out = append(out, fmt.Sprintf("container %v adds %v", dig(c, "name"), add))
		}
	}
	return out
}

// dig is the value of a key; nil where there is none.
func dig(v any, key string) any {
	m, _ := v.(map[string]any)
	return m[key]
}

func elements(v any) []any {
	list, _ := v.([]any)
	return list
}
