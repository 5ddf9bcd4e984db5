package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/cluster"
	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// TestMain is localkube itself when it is told so: tests run it as users do, as a program.
func TestMain(m *testing.M) {
	if os.Getenv("LOCALKUBE_TEST_RUN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func program(args ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), "LOCALKUBE_TEST_RUN=1")
	return command
}

// localkube runs the program and returns what it wrote.
func localkube(t *testing.T, args ...string) string {
	t.Helper()
	command := program(args...)
	var complaints bytes.Buffer
	command.Stderr = io.MultiWriter(&complaints, os.Stderr)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("localkube %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return string(out)
}

// clustersDir returns a directory for clusters in which nothing runs after the test.
func clustersDir(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts whole clusters")
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		localkube(t, "down", "--clusters", dir)
		nothingRuns(t, dir)
	})
	return dir
}

// nothingRuns checks that no process of the directory's clusters is left.
func nothingRuns(t *testing.T, dir string) {
	t.Helper()
	left, err := process.Marked(filepath.Join(dir, ".localkube") + "/")
	if err != nil || len(left) != 0 {
		t.Errorf("left running: %v, %v", left, err)
	}
}

func api(t *testing.T, dir, name string) cluster.API {
	t.Helper()
	one, err := cluster.Existing(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	api, err := one.API()
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// eventually waits until the check passes.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

type object = map[string]any

const (
	deployments = "/apis/apps/v1/namespaces/default/deployments"
	pods        = "/api/v1/namespaces/default/pods"
)

func deployment(name, image string) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{"name": name},
		"spec": object{
			"replicas": 2, "selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec":     object{"containers": []object{{"name": "main", "image": image}}},
			},
		},
	}
}

// available checks that all of a deployment's pods are ready.
func available(api cluster.API, name string) error {
	var deployment struct{ Status struct{ ReadyReplicas int } }
	if err := api.Read(context.Background(), deployments+"/"+name, &deployment); err != nil {
		return err
	}
	if ready := deployment.Status.ReadyReplicas; ready != 2 {
		return fmt.Errorf("%d of 2 pods are ready", ready)
	}
	return nil
}

// waitsFor checks that a pod of the deployment waits for that reason.
func waitsFor(api cluster.API, name, reason string) error {
	var list struct {
		Items []struct {
			Status struct {
				ContainerStatuses []struct {
					State struct {
						Waiting struct{ Reason, Message string }
					}
				}
			}
		}
	}
	if err := api.Read(context.Background(), pods+"?labelSelector=app%3D"+name, &list); err != nil {
		return err
	}
	for _, pod := range list.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if container.State.Waiting.Reason == reason && container.State.Waiting.Message != "" {
				return nil
			}
		}
	}
	return fmt.Errorf("none of %d pods waits for %s", len(list.Items), reason)
}

func create(t *testing.T, api cluster.API, object object) {
	t.Helper()
	if err := api.Create(context.Background(), deployments, object); err != nil {
		t.Fatal(err)
	}
}

// awaitReady reads until the program says that it is ready, and returns which process it is: its
// number is what comes first.
func awaitReady(t *testing.T, out io.Reader) process.Record {
	t.Helper()
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = append(said, lines.Text()); lines.Text() != "ready" {
			continue
		}
		pid, _ := strconv.Atoi(said[0])
		runner, err := process.Identify(pid)
		if err != nil {
			t.Fatal(err)
		}
		return runner
	}
	t.Fatalf("run ended before it was ready; it said %q", said)
	return process.Record{}
}

// kubeconfigField returns a field of a kubeconfig file, which localkube writes one a line.
func kubeconfigField(t *testing.T, path, field string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), field+": ")
	if !found {
		t.Fatalf("%s has no field %s", path, field)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(value, `"`)
}

// clientOf returns a client that is who the kubeconfig file says.
func clientOf(t *testing.T, path string) *http.Client {
	t.Helper()
	data := func(field string) []byte {
		raw, err := base64.StdEncoding.DecodeString(kubeconfigField(t, path, field))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	pair, err := tls.X509KeyPair(data("client-certificate-data"), data("client-key-data"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data("certificate-authority-data"))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{pair},
	}}}
}
