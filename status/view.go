package status

import (
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// View is what somebody may see of what Web knows. Every document, for pages and programs alike, comes through it: who
// sees everything gets it as it is, and an organization's member what a sight
// leaves of it. What is not for members at all
// is not there for them. A View is not kept longer than an answer takes: who somebody is may change.
type View struct {
	web *Web
	who Viewer
}

// See is what somebody may see.
func (w *Web) See(who Viewer) View { return View{w, who} }

// Whose is who looks.
func (v View) Whose() Viewer { return v.who }

// Key is the same for all who see the same.
func (v View) Key() string {
	if v.who.All {
		return everything
	}
	return "of " + strings.Join(v.who.Organizations, "\x00") // which no name has
}

const everything = "everything"

// outlook is a report as somebody sees it.
type outlook struct {
	report *reconcile.Report
	doc    StatusDoc
	sight  *sight // nil: nothing is hidden
}

// keptOutlooks bounds how often a report is kept as others see it.
const keptOutlooks = 64

// look is the newest report as it is seen; nil: nothing was looked at yet.
func (v View) look() *outlook {
	w := v.web
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.report == nil {
		return nil
	}
	whole := w.outlooks[everything]
	if whole == nil || len(w.outlooks) > keptOutlooks {
		if whole == nil {
			whole = &outlook{report: w.report, doc: statusDoc(*w.report)}
		}
		w.outlooks = map[string]*outlook{everything: whole}
	}
	if v.who.All {
		return whole
	}
	key := v.Key()
	if w.outlooks[key] == nil {
		s := newSight(v.who, w.report, &whole.doc)
		w.outlooks[key] = &outlook{w.report, s.status(&whole.doc), s}
	}
	return w.outlooks[key]
}

// Status is what /api/v1/status answers; false: nothing was looked at yet. It is not to be written to.
func (v View) Status() (*StatusDoc, bool) {
	now := v.look()
	if now == nil {
		return nil, false
	}
	return &now.doc, true
}

// Provider is what /api/v1/providers/<name> answers; false: there is none of that name, or it is not to be seen.
func (v View) Provider(name string) (ProviderPage, bool) {
	now := v.look()
	if now == nil {
		return ProviderPage{}, false
	}
	page, there := ProviderReport(*now.report, name)
	page.Events = v.web.journal.of(name)
	if there && now.sight != nil {
		return now.sight.page(page)
	}
	page.Objects = v.web.objects(page.Releases)
	return page, there
}

// plan is what /api/v1/plan answers from; false: nothing was looked at yet, or it is not to be seen.
func (v View) plan() (reconcile.Plan, bool) {
	if r := v.web.newest(); r != nil && v.who.All {
		return r.Plan, true
	}
	return reconcile.Plan{}, false
}

// Rollout is what /api/v1/rollout answers; false: nothing was looked at yet, or it is not to be seen.
func (v View) Rollout() (RolloutDoc, bool) {
	v.web.mu.Lock()
	defer v.web.mu.Unlock()
	if v.web.report == nil || !v.who.All {
		return RolloutDoc{}, false
	}
	if v.web.waves == nil {
		doc := Rollout(*v.web.report)
		v.web.waves = &doc
	}
	return *v.web.waves, true
}

// Organizations is what /api/v1/organizations answers; false: nothing was looked at yet.
func (v View) Organizations() ([]OrganizationDoc, bool) {
	now := v.look()
	if now == nil {
		return nil, false
	}
	all := Organizations(*now.report)
	if now.sight == nil {
		return all, true
	}
	return now.sight.organizations(all), true
}

// pool is what an organization may choose from.
func (v View) pool(name string) (PoolDoc, bool) {
	all, _ := v.Organizations()
	i := slices.IndexFunc(all, func(o OrganizationDoc) bool { return o.Name == name })
	if i < 0 {
		return PoolDoc{}, false
	}
	return all[i].Pool(), true
}

// Place is where people look at the declarations on their forge; for members, nowhere.
func (v View) Place() Repository {
	if v.web.Repository == nil || !v.who.All {
		return Repository{}
	}
	return v.web.Repository()
}
