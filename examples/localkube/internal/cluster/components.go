package cluster

import (
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// A Component is one of the processes of a cluster; its value is also the name of its program.
type Component string

// The components of a cluster.
const (
	Etcd              Component = "etcd"
	APIServer         Component = "kube-apiserver"
	ControllerManager Component = "kube-controller-manager"
	Scheduler         Component = "kube-scheduler"
	Kwok              Component = "kwok"
)

// Components returns all of them, in the order in which they start.
func Components() []Component {
	return []Component{Etcd, APIServer, ControllerManager, Scheduler, Kwok}
}

// Parse returns the component of that name.
func Parse(name string) (Component, error) {
	var names []string
	for _, component := range Components() {
		if name == string(component) {
			return component, nil
		}
		names = append(names, string(component))
	}
	return "", fmt.Errorf("component %q: must be one of %s", name, strings.Join(names, ", "))
}

// identity returns whom a component is to the API server. Those that ask nothing of it have none.
func (c Component) identity() (user string, groups []string) {
	switch c {
	case ControllerManager, Scheduler:
		return "system:" + string(c), nil
	case Kwok:
		return string(c), []string{"system:masters"}
	default:
		return "", nil
	}
}

// arguments returns a component's arguments. Paths are relative to the cluster's home, where it
// runs: the path of a socket may have no more than about a hundred characters, and a home may be
// deep.
//
// Only the API server takes a port. etcd listens on sockets in the home, which only its owner can
// enter; the others serve nothing.
func (c Component) arguments(s settings) []string {
	switch c {
	case Etcd:
		return etcdArguments()
	case APIServer:
		return apiServerArguments(s)
	case ControllerManager:
		return controllerManagerArguments()
	case Scheduler:
		return []string{
			"--kubeconfig=pki/kube-scheduler.kubeconfig",
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=200", "--kube-api-burst=400",
		}
	default:
		return []string{
			"--kubeconfig=pki/kwok.kubeconfig",
			"--config=stages.yaml",
			"--manage-all-nodes=true",
			"--node-lease-duration-seconds=40",
			"--cidr=10.244.0.0/16",
			"--node-ip=192.0.2.1",
		}
	}
}

func etcdArguments() []string {
	const client, peer = "unix://etcd.sock", "unix://etcd-peer.sock"
	return []string{
		"--name=localkube",
		"--data-dir=etcd",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=localkube=" + peer,
		"--unsafe-no-fsync", // survives the end of any process, not of the machine
		"--snapshot-count=1000",
		"--log-level=warn",
	}
}

func apiServerArguments(s settings) []string {
	arguments := []string{
		"--etcd-servers=unix://etcd.sock",
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", s.Port),
		"--advertise-address=127.0.0.1", // else it looks for a network, and there may be none
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--client-ca-file=pki/ca.crt",
		"--tls-cert-file=pki/kube-apiserver.crt", "--tls-private-key-file=pki/kube-apiserver.key",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=pki/service-account.key",
		"--service-account-signing-key-file=pki/service-account.key",
		"--allow-privileged=true",
		"--profiling=false",
	}
	if s.Audit {
		arguments = append(arguments,
			"--audit-policy-file=audit.yaml",
			"--audit-log-path=audit.log",
			"--audit-log-maxsize=10240") // megabytes: one file, so that counting reads one file
	}
	return arguments
}

func controllerManagerArguments() []string {
	return []string{
		"--kubeconfig=pki/kube-controller-manager.kubeconfig",
		"--root-ca-file=pki/ca.crt",
		"--service-account-private-key-file=pki/service-account.key",
		"--use-service-account-credentials=true",
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=200", "--kube-api-burst=400",
		// When the API server stops for a while, nodes must not be taken for dead: kwok would not
		// make their pods ready again.
		"--node-monitor-grace-period=1h",
	}
}

// record returns which process the component is, if it was ever started.
func (c Cluster) record(component Component) (process.Record, error) {
	return process.Read(c.pidFile(component))
}

func (c Cluster) pidFile(component Component) string { return c.path(string(component) + ".pid") }
func (c Cluster) logFile(component Component) string { return c.path(string(component) + ".log") }
