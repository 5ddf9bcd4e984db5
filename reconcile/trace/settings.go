package trace

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings say where traces go. They are what the specification of OpenTelemetry's OTLP exporter names in the
// environment; what it says of queues, sampling and resources, the SDK reads itself.
type settings struct {
	endpoint *url.URL
	headers  http.Header
	timeout  time.Duration // for a batch, with all tries
	gzip     bool
	tls      *tls.Config
}

// environment reads variables. What it finds for traces alone comes before what is for all signals.
type environment func(string) string

func (env environment) get(name string) string {
	return cmp.Or(env("OTEL_EXPORTER_OTLP_TRACES_"+name), env("OTEL_EXPORTER_OTLP_"+name))
}

// off says whether nobody asked for traces, or somebody asked for none.
func (env environment) off() bool {
	return env.get("ENDPOINT") == "" || env("OTEL_TRACES_EXPORTER") == "none" ||
		strings.EqualFold(env("OTEL_SDK_DISABLED"), "true")
}

// settings reads all of them. An error names the variable and never says what is in it where that may be a secret.
func (env environment) settings() (settings, error) {
	var s settings
	var errs [5]error
	s.endpoint, errs[0] = env.endpoint()
	s.headers, errs[1] = env.headers()
	s.timeout, errs[2] = env.timeout()
	s.tls, errs[3] = env.tls()
	if p := env.get("PROTOCOL"); p != "" && p != "http/protobuf" {
		errs[4] = fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: found %q, allowed is http/protobuf", p)
	}
	s.gzip = env.get("COMPRESSION") == "gzip"
	return s, errors.Join(errs[:]...)
}

// endpoint is where to send: what is for traces alone as it is, what is for all signals with the path of traces.
func (env environment) endpoint() (*url.URL, error) {
	name, text := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	all := text == ""
	if all {
		name, text = "OTEL_EXPORTER_OTLP_ENDPOINT", env("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s is no URL that begins with http:// or https://", name)
	}
	if all {
		return u.JoinPath("v1", "traces"), nil
	}
	return u, nil
}

// headers are written as "key=value,key=value", with values escaped as in URLs.
func (env environment) headers() (http.Header, error) {
	out := http.Header{}
	for _, pair := range strings.Split(env.get("HEADERS"), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, is := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !is || err != nil || strings.TrimSpace(key) == "" {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is no list as key=value,key=value")
		}
		out.Set(strings.TrimSpace(key), value)
	}
	return out, nil
}

func (env environment) timeout() (time.Duration, error) {
	text := cmp.Or(env.get("TIMEOUT"), "10000")
	ms, err := strconv.ParseUint(text, 10, 31)
	if err != nil || ms == 0 {
		return 0, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT: found %q, allowed is a number of milliseconds", text)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// tls has the certificate authority and the certificate of our own, where files are named.
func (env environment) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := env.get("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: there is no certificate in %s", file)
		}
	}
	if file, key := env.get("CLIENT_CERTIFICATE"), env.get("CLIENT_KEY"); file != "" || key != "" {
		own, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
