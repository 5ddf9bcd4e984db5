package pki

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"text/template"
)

// A Kubeconfig is a file for one user of one cluster; it needs no other file.
type Kubeconfig struct {
	Cluster   string // the cluster's name, and that of the only context
	Server    string // its URL
	Authority []byte // the certificate, as PEM, that vouches for the server
	User      string
	Pair      Pair // who the user is
}

// kubeconfigFile quotes every name: a user's may hold a colon, and a cluster may be called "no".
var kubeconfigFile = template.Must(template.New("").Funcs(template.FuncMap{
	"base64": base64.StdEncoding.EncodeToString,
	"quote":  strconv.Quote,
}).Parse(`apiVersion: v1
kind: Config
current-context: {{quote .Cluster}}
clusters:
- name: {{quote .Cluster}}
  cluster:
    server: {{quote .Server}}
    certificate-authority-data: {{base64 .Authority}}
contexts:
- name: {{quote .Cluster}}
  context:
    cluster: {{quote .Cluster}}
    user: {{quote .User}}
users:
- name: {{quote .User}}
  user:
    client-certificate-data: {{base64 .Pair.Certificate}}
    client-key-data: {{base64 .Pair.Key}}
`))

// Bytes returns the file's content.
func (k Kubeconfig) Bytes() []byte {
	var file bytes.Buffer
	if err := kubeconfigFile.Execute(&file, k); err != nil {
		panic(err) // the template fits the struct, and a buffer takes everything
	}
	return file.Bytes()
}
