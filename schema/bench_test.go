package schema

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// many are n providers, each in a file of its own, with about 630 bytes each.
func many(n int) fstest.MapFS {
	tree := fstest.MapFS{"deployment.cue": {Data: []byte(`package providers
deployment: {name: "acme", accessURL: "https://coder.example.com", generation: "v1"
	defaults: {chart: {repo: "https://charts.example.com", name: "workspace-provider", version: "1.44.0"}, values: logging: human: "x"}}
organizations: {a: {}, b: {}, c: {}}
clusters: {for i in list {"c\(i)": {address: "https://c\(i).example.com:6443", region: "r\(i)"}}}
let list = [` + strings.TrimSuffix(strings.Repeat("1,", 1), ",") + `,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]
`)}}
	for i := range n {
		tree[fmt.Sprintf("p%d.cue", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `package providers
providers: "p%[1]d": {
	cluster: "c%[2]d"
	displayName: "Provider %[1]d"
	description: "one of many"
	hostname: "p%[1]d.coder.example.com"
	devurlHost: "*.p%[1]d.coder.example.com"
	wave: %[2]d
	storageClass: "fast"
	tokenRef: {name: "token", key: "key"}
	release: {timeout: "15m", maxHistory: 7}
	values: {
		envproxy: {replicas: 2, resources: {requests: {cpu: "250m", memory: "512Mi"}, limits: memory: "1Gi"}}
		environments: tolerations: [{key: "a", operator: "Exists"}]
		podAnnotations: {"a.example.com/b": "c", url: deployment.accessURL}
	}
	drift: ignore: Deployment: "/spec/replicas": true
	deletion: policy: "uninstall"
}
allowlists: "p%[1]d": {a: true, b: {reason: "x"}}
`, i, i%20+1)}
	}
	return tree
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tree := many(n)
			for b.Loop() {
				if _, err := Load(tree); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
