package kube

import (
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

func TestMain(m *testing.M) { kubetest.Run(m, "eu") }
