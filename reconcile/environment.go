package reconcile

import "maps"

// With is a recognition that also knows how those organizations were recognised that are on an allowlist in
// force and not declared any more.
func (r Recognition) With(live AdmissionLive) Recognition {
	for name := range live.Organizations {
		match, was := live.Recognition.Organizations[name]
		if !was || has(r.Organizations, name) {
			continue
		}
		r.Organizations = maps.Clone(r.Organizations)
		if r.Organizations == nil {
			r.Organizations = map[string]Match{}
		}
		r.Organizations[name] = match
	}
	return r
}
