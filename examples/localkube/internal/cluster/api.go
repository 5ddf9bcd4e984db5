package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/pki"
)

// An API talks to a cluster's API server as its administrator, in JSON over HTTPS.
type API struct {
	url  string
	http *http.Client
}

// An APIError is an answer other than success.
type APIError struct {
	Request string
	Code    int
	Message string
}

func (e *APIError) Error() string { return fmt.Sprintf("%s: %d %s", e.Request, e.Code, e.Message) }

// API returns what talks to the cluster. It trusts only the cluster's own authority, so that
// nothing else that may listen on its port is ever taken for it.
func (c Cluster) API() (API, error) {
	s, err := c.existing()
	if err != nil {
		return API{}, err
	}
	return c.api(s)
}

func (c Cluster) api(s settings) (API, error) {
	authority, err := pki.Open(c.path("pki"), "")
	if err != nil {
		return API{}, err
	}
	pair, err := pki.Read(c.path("pki", admin))
	if err != nil {
		return API{}, err
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return API{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate())
	return API{url: s.URL(), http: &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		}},
	}}, nil
}

// Read gets an object into the value.
func (a API) Read(ctx context.Context, path string, into any) error {
	answer, err := a.do(ctx, http.MethodGet, path, nil)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// Create makes an object in the collection; one that is there already is left as it is.
func (a API) Create(ctx context.Context, collection string, object any) error {
	_, err := a.do(ctx, http.MethodPost, collection, object)
	var refused *APIError
	if errors.As(err, &refused) && refused.Code == http.StatusConflict {
		return nil
	}
	return err
}

// Delete removes an object or a whole collection.
func (a API) Delete(ctx context.Context, path string) error {
	_, err := a.do(ctx, http.MethodDelete, path, nil)
	return err
}

func (a API) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, &APIError{method + " " + path, response.StatusCode, reason(answer)}
	}
	return answer, nil
}

// reason returns the message of a Status, the failed ones of a list of checks, or else the answer
// itself.
func reason(answer []byte) string {
	var status struct{ Message string }
	if json.Unmarshal(answer, &status) == nil && status.Message != "" {
		return status.Message
	}
	var failed []string
	for line := range strings.Lines(string(answer)) {
		if check, found := strings.CutPrefix(strings.TrimSpace(line), "[-]"); found {
			failed = append(failed, strings.TrimSuffix(check, " failed: reason withheld"))
		}
	}
	if failed != nil {
		return "not yet: " + strings.Join(failed, ", ")
	}
	return strings.TrimSpace(string(answer))
}
