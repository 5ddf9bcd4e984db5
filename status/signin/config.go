package signin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/status"
)

// config is signin.yaml.
type config struct {
	Roles map[string]role `json:"roles"`
	OIDC  *oidcConfig     `json:"oidc"`
	Proxy *proxyConfig    `json:"proxy"`
}

// role is what the members of groups are to organizations.
type role struct {
	Groups        []string `json:"groups"`
	Organizations []string `json:"organizations"` // names, or "*" alone: they see everything
}

// oidcConfig is an issuer of identities.
type oidcConfig struct {
	Issuer      string   `json:"issuer"` // https but on loopback
	ClientID    string   `json:"clientID"`
	RedirectURL string   `json:"redirectURL"` // where this page is, and callbackPath
	Scopes      []string `json:"scopes"`      // beside openid; built in: profile, email
	GroupsClaim string   `json:"groupsClaim"` // of strings, or one; built in: groups
	Name        string   `json:"name"`        // on the button; built in: the issuer's host
}

// proxyConfig is a proxy in front that says who asks.
type proxyConfig struct {
	UserHeader   string   `json:"userHeader"`
	GroupsHeader string   `json:"groupsHeader"` // separated by commas; empty: none
	Networks     []string `json:"networks"`     // that it is in, in CIDR notation; headers from elsewhere count for nothing
	SecretHeader string   `json:"secretHeader"` // has what is in page/proxy-secret, or the others count for nothing; empty: none
}

// callbackPath is where an issuer sends people back to.
const callbackPath = "/signin/callback"

// parseConfig reads signin.yaml.
func parseConfig(text []byte) (c config, err error) {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return c, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("%s; there are roles: {NAME: {groups, organizations}}, oidc: {issuer, clientID, redirectURL, scopes, "+
			"groupsClaim, name}, proxy: {userHeader, groupsHeader, networks, secretHeader}", strings.TrimPrefix(err.Error(), "json: "))
	}
	var wrong []error
	for name, r := range c.Roles {
		wrong = append(wrong, r.check(name))
	}
	if c.OIDC != nil {
		wrong = append(wrong, c.OIDC.check())
	}
	if (c.OIDC != nil || c.Proxy != nil) && len(c.Roles) == 0 {
		wrong = append(wrong, errors.New("there are no roles, so that nobody whom the issuer or the proxy names would see anything; "+
			`declare some, such as roles: {admins: {groups: ["admins"], organizations: ["*"]}}`))
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return c, errors.Join(wrong...)
}

// organizationName is what the declarations take as the name of an organization.
var organizationName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// everything is what a role is for that sees everything.
const everything = "*"

func (r role) check(name string) error {
	switch {
	case len(r.Groups) == 0 || slices.Contains(r.Groups, ""):
		return fmt.Errorf("roles.%s.groups: there has to be one at least, and none may be empty", name)
	case len(r.Organizations) == 0 || slices.Contains(r.Organizations, ""):
		return fmt.Errorf(`roles.%s.organizations: say which, or ["*"] for everything`, name)
	case slices.Contains(r.Organizations, everything) && len(r.Organizations) > 1:
		return fmt.Errorf(`roles.%s.organizations: "*" is everything; leave the others out`, name)
	}
	for _, o := range r.Organizations {
		if o != everything && !organizationName.MatchString(o) {
			return fmt.Errorf("roles.%s.organizations: %q is no name of an organization, which is a DNS label: a-z, 0-9 and -, "+
				"at most 63 characters; write each of them by itself", name, o)
		}
	}
	return nil
}

// check fills in what is built in, too.
func (c *oidcConfig) check() error {
	issuer, err := secureURL("oidc.issuer", c.Issuer)
	if err != nil {
		return err
	}
	back, err := secureURL("oidc.redirectURL", c.RedirectURL)
	if err != nil {
		return err
	}
	if back.Path != callbackPath || back.RawQuery != "" {
		return fmt.Errorf("oidc.redirectURL: %q does not end in %s", c.RedirectURL, callbackPath)
	}
	if c.ClientID == "" {
		return errors.New("oidc.clientID: it is missing; it is what the issuer calls this page")
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	if c.Name == "" {
		c.Name = issuer.Host
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile", "email"}
	}
	return nil
}

// secureURL reads an absolute URL that is https, or leads to this machine.
func secureURL(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !status.Loopback(u.Hostname())) {
		return nil, fmt.Errorf("%s: %q is no https URL", what, text)
	}
	return u, nil
}
