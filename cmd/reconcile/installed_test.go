package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// ownChart is the chart of the daemon itself.
var ownChart = filepath.Join(root, "examples", "install", "reconcile")

// system is the namespace that the daemon is installed in.
func (s *site) system() string { return s.name + "-system" }

// account is whom the API server sees when a release's pods ask.
func (s *site) account(release string) string {
	return "system:serviceaccount:" + s.system() + ":" + release
}

// install installs the daemon's own chart with the stock helm.
func (s *site) install(cluster, release string, args ...string) {
	s.Helper()
	s.helm(cluster, append([]string{"upgrade", "--install", release, ownChart, "--namespace", s.system(), "--create-namespace", "--wait", "--timeout", "5m"}, args...)...)
	s.Cleanup(func() { s.uninstall(cluster, release) })
}

// uninstall takes away what install brought.
func (s *site) uninstall(cluster, release string) {
	s.Helper()
	s.helm(cluster, "uninstall", release, "--namespace", s.system(), "--ignore-not-found")
	s.kubectl(cluster, "delete", "namespace", s.system(), "--wait=false", "--ignore-not-found")
}

// boot starts the program with what the pods of a workload ("deployment/reconcile") would be given, since there is no
// kubelet here: what they mount is a directory, their account is a kubeconfig with its token, and whoever listens does so
// on loopback.
func (s *site) boot(cluster, workload string) *daemon {
	s.Helper()
	pod := s.pod(cluster, workload)
	dir := s.TempDir()
	for _, v := range pod.Volumes {
		for _, m := range pod.Containers[0].VolumeMounts {
			if m.Name == v.Name && v.Secret != nil {
				s.mount(cluster, v.Secret, filepath.Join(dir, m.MountPath))
			}
		}
	}
	args := []string{}
	home := ""
	for _, arg := range pod.Containers[0].Args {
		flag, value, _ := strings.Cut(arg, "=")
		switch {
		case flag == "--in-cluster":
			home = value
		case flag == "--log-format":
			continue // the tests read text
		case flag == "--metrics-listen": // on a port of its own: it is another address than the next
			value = "localhost:0"
		case strings.HasSuffix(flag, "listen"):
			value = "127.0.0.1:0"
		case strings.HasPrefix(value, "/etc/") || strings.HasPrefix(value, "/var/"):
			value = filepath.Join(dir, value)
		case value == "$(POD)":
			value = filepath.Base(workload) + "-0"
		}
		if value != "" {
			flag += "=" + value
		}
		args = append(args, flag)
	}
	s.write(filepath.Join(dir, "etc/reconcile/clusters", home+".kubeconfig"), s.accountConfig(cluster, pod.ServiceAccountName, dir))
	return s.daemonOn(args...)
}

// pod is what the pods of a workload are made from.
func (s *site) pod(cluster, workload string) corev1.PodSpec {
	s.Helper()
	var out struct {
		Spec struct{ Template corev1.PodTemplateSpec }
	}
	s.object(cluster, workload, &out)
	return out.Spec.Template.Spec
}

// object reads an object of the namespace that the daemon is installed in.
func (s *site) object(cluster, name string, into any) {
	s.Helper()
	text := s.kubectl(cluster, "get", "--namespace", s.system(), name, "--output", "json")
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.Fatalf("%s: %v", name, err)
	}
}

// mount writes the keys of a Secret to a directory, those that the volume names where it names any.
func (s *site) mount(cluster string, v *corev1.SecretVolumeSource, dir string) {
	s.Helper()
	var secret corev1.Secret
	s.object(cluster, "secret/"+v.SecretName, &secret)
	for _, item := range v.Items {
		s.write(filepath.Join(dir, item.Path), string(secret.Data[item.Key]))
	}
	for key, content := range secret.Data {
		if len(v.Items) == 0 {
			s.write(filepath.Join(dir, key), string(content))
		}
	}
}

// accountConfig is a kubeconfig with the token of a service account in a file of its own, as in a pod.
func (s *site) accountConfig(cluster, account, dir string) string {
	s.Helper()
	file := filepath.Join(dir, "var/run/secrets/token")
	s.write(file, s.kubectl(cluster, "create", "token", account, "--namespace", s.system(), "--duration", "2h"))
	admin, err := clientcmd.LoadFromFile(s.admin(cluster))
	if err != nil {
		s.Fatal(err)
	}
	for name := range admin.AuthInfos {
		admin.AuthInfos[name] = &clientcmdapi.AuthInfo{TokenFile: file}
	}
	text, err := clientcmd.Write(*admin)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// kubeconfigFor is what examples/install/kubeconfig prints for the account of a release.
func (s *site) kubeconfigFor(cluster, release string) string {
	s.Helper()
	line := fmt.Sprintf("PATH=%s/bin:$PATH KUBECONFIG=%s exec %s/examples/install/kubeconfig %s %s %s",
		kubetest.Root(), s.admin(cluster), root, cluster, s.system(), release)
	return kubetest.Output(s, "sh", "-c", line)
}

// providerChart puts the example chart of a provider into the site's repository, as charts/workspace-provider.
func (s *site) providerChart() {
	s.Helper()
	dir := filepath.Join(root, "examples", "charts", "workspace-provider")
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		s.files[filepath.Join("charts/workspace-provider", name)] = s.read(path)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}
