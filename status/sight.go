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
	mine  []string
	names map[string]kind // as nameOf writes them
	long  int             // words that the longest name has
	down  map[string]bool // clusters that cannot be reached
}

// kind is whom or what a name names. Where it is the name of several, the last of these counts.
type kind int

const (
	nobody kind = iota
	hidden      // a provider or cluster that is not to be seen
	near        // one that is
	others      // an organization that is not his
	own         // one that is
)

// Withheld is what members read in place of a text that is not for them.
const Withheld = "not shown to you, since it names others"

// newSight is the sight of somebody who does not see everything, for one report.
func newSight(who Viewer, r *reconcile.Report, whole *StatusDoc) *sight {
	s := sightOf(who.Organizations)
	for name, want := range r.Want.Organizations {
		s.call(s.organization(name), name, want.DisplayName)
	}
	for i := range whole.Providers {
		p := &whole.Providers[i]
		for _, name := range slices.Concat(p.Organizations, p.Closed) {
			s.call(s.organization(name), name)
		}
		for _, h := range p.Environments {
			s.call(s.organization(h.Organization), h.Organization)
		}
		s.place(p)
	}
	for _, c := range whole.Clusters {
		s.call(hidden, c.Name)
		s.down[c.Name] = c.Looked && !c.Reachable || c.Error != ""
	}
	return s
}

// sightOf is the sight of members of some organizations who know of no others.
func sightOf(mine []string) *sight {
	s := &sight{mine: mine, names: map[string]kind{}, down: map[string]bool{}, long: 1}
	s.call(own, mine...)
	return s
}

// organization says what the name of an organization is.
func (s *sight) organization(name string) kind {
	if s.is(name) {
		return own
	}
	return others
}

// place takes what a provider is called, and where it is. What people call it may name others.
func (s *sight) place(p *Provider) {
	how := hidden
	if s.sees(p) {
		how = near
	} else {
		s.call(how, p.DisplayName)
	}
	s.call(how, p.Name, p.Cluster)
	for _, rel := range p.Releases {
		s.call(s.organization(rel.Organization), rel.Organization)
		if how == near && s.shares(rel) {
			s.call(near, rel.Cluster, rel.Name)
		}
	}
}

// call notes what is called so.
func (s *sight) call(what kind, names ...string) {
	for _, name := range names {
		all := words(name)
		s.names[nameOf(all)] = max(s.names[nameOf(all)], what)
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

// text is a text as it is, or that it is withheld. What is part of a name of his own names nobody else, and what is part
// of what he sees names no other place.
func (s *sight) text(text string) string {
	all := words(text)
	ours, seen := 0, 0 // where the last of such names ends
	for i := range all {
		for end := min(i+s.long, len(all)); end > i; end-- {
			switch s.names[nameOf(all[i:end])] {
			case own:
				ours = max(ours, end)
			case near:
				seen = max(seen, end)
			case others:
				if end > ours {
					return Withheld
				}
			case hidden:
				if end > max(ours, seen) {
					return Withheld
				}
			}
		}
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
	if !s.sees(p) {
		return Provider{}, false
	}
	out := Provider{
		Name: p.Name, Cluster: p.Cluster, Namespace: p.Namespace, Declared: p.Declared, Applied: p.Applied, Default: p.Default,
		Unverified: p.Unverified, Cordoned: s.text(p.Cordoned), DisplayName: s.text(p.DisplayName),
		Description: s.text(p.Description), Region: p.Region, Address: p.Address,
		Organizations: s.own(p.Organizations), Closed: s.own(p.Closed), Environments: s.heads(p.Environments),
		Enforcement: Enforcement{Mode: p.Enforcement.Mode}, Counted: p.Counted,
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

// sees says whether a provider is to be seen.
func (s *sight) sees(p *Provider) bool {
	return slices.ContainsFunc(p.Organizations, s.is) || slices.ContainsFunc(p.Closed, s.is) || len(s.heads(p.Environments)) > 0
}

// shares says whether a release is his, or everybody's.
func (s *sight) shares(rel Release) bool { return rel.Organization == "" || s.is(rel.Organization) }

// heads are the environments of his organizations.
func (s *sight) heads(all []Headcount) []Headcount {
	return slices.DeleteFunc(slices.Clone(all), func(h Headcount) bool { return !s.is(h.Organization) })
}

// releases takes what may be seen of a provider's releases into it. It is then as the worst of them.
func (s *sight) releases(out, p *Provider) {
	for _, rel := range p.Releases {
		if s.shares(rel) {
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
			a.DeclaredAt, a.Cordoned = Place{}, s.text(a.Cordoned)
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
