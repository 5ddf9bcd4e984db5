package schema

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have none

	"k8s.io/apimachinery/pkg/labels"
)

// checkOf returns what @check names in schema.cue: a rule for strings that says what was found,
// what is allowed and what to do, and nothing when all is well.
func checkOf(name string) func(string) string {
	if name == "" {
		return nil
	}
	check, ok := checks()[name]
	if !ok {
		panic("schema.cue: no such check: " + name) // a bug: it is embedded
	}
	return check
}

// checks are the rules by the names that schema.cue gives them.
func checks() map[string]func(string) string {
	const day = 24 * time.Hour
	atMost := func(most time.Duration) func(string) string {
		return func(s string) string { return checkDuration(s, most) }
	}
	return map[string]func(string) string{
		"origin": checkOrigin, "url": checkURL, "path": checkPath, "pointer": checkPointer,
		"timeZone": checkTimeZone, "cron": checkCron, "selector": checkSelector,
		"day": atMost(day), "week": atMost(7 * day),
		"soak": func(s string) string {
			if d, err := time.ParseDuration(s); err == nil && d == 0 {
				return "" // no soak at all
			}
			return checkDuration(s, 7*day)
		},
	}
}

// checkURL wants a host and no credential.
func checkURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "found a URL that cannot be read: write it as https://host/path"
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "443"))
	switch {
	case u.Hostname() == "" || err != nil || port < 1 || port > 65535:
		return "found a URL without a host, or with a port that does not exist: write it as https://host:port/path"
	case u.User != nil:
		return "found a user in a URL: credentials never stand in declarations; " +
			"keep them in the credentials directory"
	}
	return ""
}

// checkOrigin wants scheme and host alone, in lower case, so that equal ones are the same text.
func checkOrigin(s string) string {
	if problem := checkURL(s); problem != "" {
		return problem
	}
	u, err := url.Parse(s)
	switch {
	case err == nil && u.Path == "/":
		return "found a slash at the end: take it out"
	case s != u.Scheme+"://"+u.Host:
		return "found more than scheme and host: must be like https://coder.example.com, " +
			"without path, query or fragment"
	case s != strings.ToLower(s):
		return "found capital letters: must be in lower case"
	}
	return ""
}

// checkPath wants a path that stays below the declarations.
func checkPath(s string) string {
	switch {
	case slices.Contains(strings.Split(s, "/"), ".."):
		return "found .. in a path: must stay below the declarations"
	case strings.Contains(s, `\`) || path.Clean(s) != strings.TrimSuffix(strings.TrimPrefix(s, "./"), "/"):
		return "found a path that is not in its shortest form: write it as charts/name"
	}
	return ""
}

// checkPointer wants a JSON pointer (RFC 6901): in it ~ stands only in ~0 and ~1.
func checkPointer(s string) string {
	if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(s), "~") {
		return "found ~ alone in a JSON pointer: write ~0 for ~ and ~1 for /"
	}
	return ""
}

// checkTimeZone wants a zone of the IANA database.
func checkTimeZone(s string) string {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return fmt.Sprintf("found time zone %s, which the IANA database does not have: must be one such as Europe/Berlin", quote(s))
	}
	return ""
}

// checkDuration wants more than nothing and no more than most.
func checkDuration(s string, most time.Duration) string {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > most {
		return fmt.Sprintf("found %s: must be more than 0 and at most %s", quote(s), strings.TrimSuffix(most.String(), "0m0s"))
	}
	return ""
}

// checkSelector wants what Kubernetes reads as a label selector, and not one that selects everything.
func checkSelector(s string) string {
	selector, err := labels.Parse(s)
	switch {
	case err != nil:
		return "found something that is no label selector: must be like app=web or app in (web, api)"
	case selector.Empty():
		return "found a label selector that selects everything: name a label"
	}
	return ""
}
