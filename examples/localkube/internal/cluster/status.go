package cluster

import (
	"context"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// A Status is what of a cluster runs.
type Status struct {
	Serves    bool
	Memory    int64 // of all processes, in bytes; 0 where that is not known
	Processes []ProcessStatus
}

// A ProcessStatus is one component's part of a Status.
type ProcessStatus struct {
	Component Component
	PID       int // 0 if it was never started
	State     process.State
	Memory    int64
}

// Status returns what of the cluster runs at this moment.
func (c Cluster) Status(ctx context.Context) (Status, error) {
	if _, err := c.existing(); err != nil {
		return Status{}, err
	}
	status := Status{Serves: c.Serves(ctx)}
	for _, component := range Components() {
		record, err := c.record(component)
		if err != nil {
			return status, err
		}
		memory := record.Memory()
		status.Memory += memory
		status.Processes = append(status.Processes,
			ProcessStatus{Component: component, PID: record.PID, State: record.State(), Memory: memory})
	}
	return status, nil
}

// Serves tells whether the cluster's API server is ready.
func (c Cluster) Serves(ctx context.Context) bool {
	api, err := c.API()
	return err == nil && api.serves(ctx) == nil
}
