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
	// LookupHost would wait for a name server after ctx was cancelled.
	addrs, err := cmp.Or(p.names, net.DefaultResolver).LookupIPAddr(ctx, u.Hostname())
	if err != nil {
		out.Err = Why(err, p.timeout())
		return out
	}
	for _, addr := range addrs {
		out.Addresses = append(out.Addresses, addr.String())
	}
	slices.Sort(out.Addresses)
	client, err := Client(p.Credentials, how.CA, p.timeout())
	if err != nil {
		out.Err = err.Error() // about our files, not about the URL
		return out
	}
	if err := ask(ctx, client, base+how.Path, &out); err != nil {
		out.Err = Why(err, p.timeout())
	}
	return out
}

// ask wants an answer of 2xx and takes from it what it says of the deployment.
func ask(ctx context.Context, client *http.Client, url string, out *reconcile.URLLive) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		out.Err = fmt.Sprintf("%s answers %s%s", req.URL.RequestURI(), resp.Status, leads(resp))
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	out.Status = resp.Status
	read(resp.Header, body, out)
	return nil
}

// leads says to which host a redirect leads: the rest may be made up for each answer.
func leads(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || to.Host == "" {
		return ""
	}
	return " (to " + to.Scheme + "://" + to.Host + ")"
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
