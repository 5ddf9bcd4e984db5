package status

import (
	"slices"
	"strings"
	"unicode"

	"github.com/workspace-providers/reconcile/reconcile"
)

// sight is what an organization's member may see: the providers that it may choose from or has environments in, as far
// as they are its own or everybody's. Documents are made anew from what may be seen, so that a field that nobody thought
// of here is not there. Texts that programs and people wrote are shown as long as they name nobody else.
type sight struct {
	mine   []string
	called map[string]bool // what these are called, as nameOf writes it
	others map[string]bool // likewise, of organizations that are not his
	long   int             // words that the longest name has
	down   map[string]bool // clusters that cannot be reached
}

// Withheld is what members read in place of a text that is not for them.
const Withheld = "not shown to you, since it names others"

// newSight is the sight of somebody who does not see everything, for one report.
func newSight(who Viewer, r *reconcile.Report, whole *StatusDoc) *sight {
	s := sightOf(who.Organizations)
	for name := range r.Want.Organizations {
		s.hide(name)
	}
	for i := range whole.Providers {
		p := &whole.Providers[i]
		for _, name := range slices.Concat(p.Organizations, p.Closed) {
			s.hide(name)
		}
		for _, h := range p.Environments {
			s.hide(h.Organization)
		}
		for _, rel := range p.Releases {
			s.hide(rel.Organization)
		}
	}
	for _, c := range whole.Clusters {
		s.down[c.Name] = c.Looked && !c.Reachable || c.Error != ""
	}
	return s
}

// sightOf is the sight of members of some organizations who know of no others.
func sightOf(mine []string) *sight {
	s := &sight{mine: mine, called: map[string]bool{}, others: map[string]bool{}, down: map[string]bool{}, long: 1}
	for _, name := range mine {
		all := words(name)
		s.called[nameOf(all)] = true
		s.long = max(s.long, len(all))
	}
	return s
}

// hide keeps the name of an organization from being seen, unless it is his.
func (s *sight) hide(name string) {
	if all := words(name); len(all) > 0 && !s.is(name) {
		s.others[nameOf(all)] = true
		s.long = max(s.long, len(all))
	}
}

// is says whether an organization is his.
func (s *sight) is(name string) bool { return slices.Contains(s.mine, name) }

// own are those of some organizations that are his.
func (s *sight) own(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !s.is(name) })
}

// words are the words and numbers in a text.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func nameOf(words []string) string { return strings.Join(words, "-") }

// text is a text as it is, or that it is withheld. What is part of a name of his own names nobody else.
func (s *sight) text(text string) string {
	all := words(text)
	for i := 0; i < len(all); i++ {
		own := 0
		for n := min(s.long, len(all)-i); n > 0; n-- {
			name := nameOf(all[i : i+n])
			if own == 0 && s.called[name] {
				own = n
			}
			if n > own && s.others[name] {
				return Withheld
			}
		}
		i += max(0, own-1)
	}
	return text
}

// status is the document of all providers.
func (s *sight) status(whole *StatusDoc) StatusDoc {
	doc := StatusDoc{
		Deployment: whole.Deployment, At: whole.At, AccessURL: accessURLAlone(whole.AccessURL),
		Statuses: []StatusLineDoc{}, Clusters: []ClusterDoc{}, Providers: []Provider{},
	}
	for i := range whole.Providers {
		if p, seen := s.provider(&whole.Providers[i]); seen {
			doc.Providers = append(doc.Providers, p)
		}
	}
	return doc
}

// accessURLAlone is where the deployment is, and nothing of a change of that.
func accessURLAlone(doc AccessURLDoc) AccessURLDoc {
	return AccessURLDoc{URL: doc.URL, Steps: []URLStepDoc{}, Users: []URLUserDoc{}}
}

// provider is one provider; false: it is not to be seen.
func (s *sight) provider(p *Provider) (Provider, bool) {
	out := Provider{
		Name: p.Name, Cluster: p.Cluster, Namespace: p.Namespace, Declared: p.Declared, Applied: p.Applied, Default: p.Default,
		Unverified: p.Unverified, Cordoned: s.text(p.Cordoned), DisplayName: s.text(p.DisplayName),
		Description: s.text(p.Description), Region: p.Region, Address: p.Address,
		Organizations: s.own(p.Organizations), Closed: s.own(p.Closed), Environments: s.heads(p.Environments),
		Enforcement: Enforcement{Mode: p.Enforcement.Mode}, Counted: p.Counted,
	}
	if len(out.Organizations)+len(out.Closed)+len(out.Environments) == 0 {
		return Provider{}, false
	}
	if p.Drain != nil {
		out.Drain = &Drain{Organizations: map[string]int{}}
		for _, h := range out.Environments {
			out.Drain.Left += h.Count
			out.Drain.Organizations[h.Organization] = h.Count
		}
	}
	for _, h := range p.Holds {
		if s.is(h.Organization) || h.Organization == "" {
			out.Holds = append(out.Holds, Hold{Reason: h.Reason, Class: h.Class, Would: h.Would, Organization: h.Organization})
		}
	}
	s.releases(&out, p)
	full(&out)
	return out, true
}

// heads are the environments of his organizations.
func (s *sight) heads(all []Headcount) []Headcount {
	return slices.DeleteFunc(slices.Clone(all), func(h Headcount) bool { return !s.is(h.Organization) })
}

// releases takes what may be seen of a provider's releases into it. It is then as the worst of them.
func (s *sight) releases(out, p *Provider) {
	for _, rel := range p.Releases {
		if rel.Organization == "" || s.is(rel.Organization) {
			out.Releases = append(out.Releases, Release{
				Cluster: rel.Cluster, Namespace: rel.Namespace, Name: rel.Name, Organization: rel.Organization, Status: rel.Status,
				Message: s.says(rel.Cluster, rel.Message), Since: rel.Since, Revision: rel.Revision, Health: rel.Health,
				ReadySince: rel.ReadySince, Chart: rel.Chart, Version: rel.Version,
			})
		}
	}
	out.Status, out.Since, out.Message = p.Status, p.Since, s.says(p.Cluster, p.Message)
	switch {
	case len(p.failures) > 0 && p.Message == p.failures[0]:
		out.Message = "what guards it could not be put in place"
	case len(out.Releases) > 0:
		worst := slices.MaxFunc(out.Releases, compareTrouble)
		out.Status, out.Since, out.Message = worst.Status, worst.Since, worst.Message
		out.Chart, out.Version = out.Releases[0].Chart, out.Releases[0].Version
	case len(p.Releases) > 0:
		out.Status, out.Message = Pending, "nothing is installed for you yet"
	}
}

// says is what a provider or release in a cluster says of itself. Where clusters are is for who sees everything.
func (s *sight) says(cluster, message string) string {
	if message != "" && s.down[cluster] {
		return "its cluster cannot be reached"
	}
	return s.text(message)
}

// page is the page of one provider; false: it is not to be seen.
func (s *sight) page(whole ProviderPage) (ProviderPage, bool) {
	p, seen := s.provider(&whole.Provider)
	page := ProviderPage{
		Provider: p, Planned: []PlannedDoc{}, Allowlist: []AllowedDoc{}, History: []StepDoc{}, Objects: []ObjectDoc{}, Events: []Event{},
		AccessURL: accessURLAlone(whole.AccessURL), Places: map[string]Place{},
	}
	for _, a := range whole.Allowlist {
		if s.is(a.Organization) {
			a.DeclaredAt = Place{}
			page.Allowlist = append(page.Allowlist, a)
		}
	}
	return page, seen
}

// organizations are his own.
func (s *sight) organizations(all []OrganizationDoc) []OrganizationDoc {
	out := []OrganizationDoc{}
	for _, o := range all {
		if s.is(o.Name) {
			o.DeclaredAt = Place{}
			for i := range o.Providers {
				p := &o.Providers[i]
				p.DisplayName, p.Cordoned = s.text(p.DisplayName), s.text(p.Cordoned)
			}
			out = append(out, o)
		}
	}
	return out
}
