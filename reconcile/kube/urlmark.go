package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// urlMark writes an access URL as a label's value, which takes neither colons nor slashes:
// "https://coder.example.com:8443" is "https_coder.example.com_8443". One that does not fit is hashed.
func urlMark(url string) string {
	scheme, host, found := strings.Cut(url, "://")
	mark := scheme + "_" + strings.Replace(host, ":", "_", 1)
	switch {
	case url == "":
		return ""
	case found && legible.MatchString(mark):
		return mark
	}
	sum := sha256.Sum256([]byte(url))
	return "sha256." + hex.EncodeToString(sum[:20])
}

// legible are the marks that urlOf can read: no host has an underscore.
var legible = regexp.MustCompile(`^https?_[A-Za-z0-9]([-A-Za-z0-9.]{0,40}[A-Za-z0-9])?(_[0-9]{1,5})?$`)

// urlOf reads what urlMark wrote. A hash is looked for among the URLs that are known, by mark; one that nobody
// knows stays as it is, and is at least another one.
func urlOf(mark string, known map[string]string) string {
	if url, there := known[mark]; there {
		return url
	}
	if !legible.MatchString(mark) {
		return mark
	}
	return strings.Replace(strings.Replace(mark, "_", "://", 1), "_", ":", 1)
}

// knownURLs are those that some release should have or had, by mark.
func knownURLs(w wanted) map[string]string {
	out := map[string]string{}
	for _, url := range []string{w.accessURL.URL, w.accessURL.Previous} {
		if url != "" {
			out[urlMark(url)] = url
		}
	}
	for _, it := range w.items {
		out[urlMark(it.AccessURL)] = it.AccessURL
	}
	return out
}
