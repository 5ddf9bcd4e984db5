package probe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// Look looks at one URL once. Whatever is wrong stands in what it returns.
func (p *Prober) Look(ctx context.Context, how reconcile.AccessURL, base string) reconcile.URLLive {
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	out := reconcile.URLLive{At: time.Now()}
	u, err := url.Parse(base)
	if err != nil {
		out.Err = err.Error()
		return out
	}
	if out.Addresses, err = net.DefaultResolver.LookupHost(ctx, u.Hostname()); err != nil {
		out.Addresses, out.Err = nil, Why(err, p.timeout())
		return out
	}
	slices.Sort(out.Addresses)
	if err := p.ask(ctx, how, base, &out); err != nil {
		out.Err = Why(err, p.timeout())
	}
	return out
}

// ask wants an answer of 2xx and takes from it what it says of the deployment.
func (p *Prober) ask(ctx context.Context, how reconcile.AccessURL, base string, out *reconcile.URLLive) error {
	client, err := Client(p.Credentials, how.CA, p.timeout())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+how.Path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s answers %s%s", how.Path, resp.Status, leads(resp))
	}
	out.Status = resp.Status
	read(resp.Header, body, out)
	return nil
}

// leads says where a redirect leads to.
func leads(resp *http.Response) string {
	if to := resp.Header.Get("Location"); to != "" {
		return " (to " + to + ")"
	}
	return ""
}

// read takes from an answer what it says of the deployment.
func read(header http.Header, body []byte, out *reconcile.URLLive) {
	var said struct {
		Version      string `json:"version"`
		DeploymentID string `json:"deployment_id"`
		DashboardURL string `json:"dashboard_url"`
		AccessURL    string `json:"access_url"`
	}
	_ = json.Unmarshal(body, &said) // an answer that is no JSON says nothing
	out.Version = cmp.Or(said.Version, header.Get("X-Coder-Build-Version"), header.Get("Coder-Version"))
	out.ID, out.Says = said.DeploymentID, strings.TrimRight(cmp.Or(said.AccessURL, said.DashboardURL), "/")
}
