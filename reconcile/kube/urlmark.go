package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"strings"
)

// ownMark begins the mark of an access URL that is its provider's alone.
const ownMark = "own."

// urlMark writes an access URL as a label's value, which takes neither colons nor slashes:
// "https://coder.example.com:8443" is "https_coder.example.com_8443". One that does not fit, or could not be read
// again, is hashed.
func urlMark(url string, own bool) string {
	if url == "" {
		return ""
	}
	prefix := ""
	if own {
		prefix = ownMark
	}
	scheme, host, _ := strings.Cut(url, "://")
	mark := scheme + "_" + strings.Replace(host, ":", "_", 1)
	if len(prefix+mark) > maxMark || !legible.MatchString(mark) || urlOf(mark, nil) != url {
		mark = hashMark(url)
	}
	return prefix + mark
}

// hashMark is the mark of a URL that cannot be read from it.
func hashMark(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hashPrefix + hex.EncodeToString(sum[:20])
}

const hashPrefix = "sha256."

// legible are the marks that urlOf can read.
var legible = regexp.MustCompile(`^https?_[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(_[0-9]{1,5})?$`)

// urlOf reads what urlMark wrote, without ownMark. A hash is looked for among the URLs that are known; one that
// nobody knows stays as it is, and is at least another one.
func urlOf(mark string, known map[string]string) string {
	if url, there := known[mark]; there {
		return url
	}
	if !legible.MatchString(mark) {
		return mark
	}
	return strings.Replace(strings.Replace(mark, "_", "://", 1), "_", ":", 1)
}

// knownURLs are those that some release should have or had, by the hash of each.
func knownURLs(w wanted) map[string]string {
	out := map[string]string{}
	for _, url := range []string{w.accessURL.URL, w.accessURL.Previous} {
		if url != "" {
			out[hashMark(url)] = url
		}
	}
	for _, it := range w.items {
		out[hashMark(it.AccessURL)] = it.AccessURL
	}
	return out
}

// urlsAlso are the URLs that are known, with those that a record spells out.
func urlsAlso(known map[string]string, rec record) map[string]string {
	if len(rec.URLs) == 0 {
		return known
	}
	out := make(map[string]string, len(known)+len(rec.URLs))
	for _, url := range rec.URLs {
		out[hashMark(url)] = url
	}
	maps.Copy(out, known)
	return out
}
