package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serverUse is what the cluster's own parts did since they were started.
type serverUse struct {
	CPU    time.Duration // of the API server
	Writes float64       // to etcd, whoever asked for them: controllers do, and whoever keeps Pods running
}

// since is what was done after an earlier look.
func (u serverUse) since(earlier serverUse) serverUse {
	return serverUse{u.CPU - earlier.CPU, u.Writes - earlier.Writes}
}

// server looks at the cluster's own parts.
func (l *lab) server(ctx context.Context) (u serverUse, err error) {
	text, err := os.ReadFile(filepath.Join(l.state(), "kube-apiserver.pid"))
	if err != nil {
		return u, err
	}
	var process struct{ PID int }
	if err := json.Unmarshal(text, &process); err != nil {
		return u, fmt.Errorf("the API server's process: %w", err)
	}
	if u.CPU, err = cpuOf(process.PID); err != nil {
		return u, err
	}
	metrics, err := l.kubectl(ctx, "get", "--raw", "/metrics")
	if err != nil {
		return u, err
	}
	u.Writes, err = etcdWrites(metrics)
	return u, err
}

// etcdWrites adds up what the API server's metrics tell of its writes.
func etcdWrites(metrics string) (sum float64, err error) {
	for line := range strings.Lines(metrics) {
		labels, found := strings.CutPrefix(line, "etcd_request_duration_seconds_count{")
		if !found {
			continue
		}
		for _, writes := range []string{`operation="create"`, `operation="update"`, `operation="delete"`} {
			if !strings.Contains(labels, writes) {
				continue
			}
			fields := strings.Fields(labels)
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				return 0, fmt.Errorf("the API server's metrics: %w", err)
			}
			sum += n
		}
	}
	return sum, nil
}
