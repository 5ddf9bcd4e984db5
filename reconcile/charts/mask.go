package charts

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// masked stands for a value that is not shown.
const masked = "(masked)"

// secretKey matches keys below which secrets stand, and plainKeys those that only name one.
var (
	secretKey = regexp.MustCompile(`(?i)last-applied|token|passw|passphrase|secret|credential|psk|connection[-_]?string|(^|[-_.])(key|pass|pwd|dsn)$`)
	camelKey  = regexp.MustCompile(`[a-z](Keys?|Pass|Pwd|Dsn|DSN)$`)
	plainKeys = regexp.MustCompile(`(?i)(refs?|names?|namespace|pullSecrets|existingSecret|accountToken|topologyKey)$`)
	noSecrets = regexp.MustCompile(`^(tolerations|matchExpressions)$`) // which have a field "key"
)

// inText matches secrets within a longer text: "--token=abc", "password: abc", "https://user:pass@host".
var (
	assigned = regexp.MustCompile(`(?i)((?:token|passw(?:or)?d|passphrase|secret|credential|api[-_]?key|private[-_]?key)[\w-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)`)
	userinfo = regexp.MustCompile(`://[^/@\s"']+@`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`)
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)
)

// isSecret says whether the value at a path must not be shown. What only names a Secret may be:
// secretName, and everything below secretKeyRef.
func (d *differ) isSecret(at []field) bool {
	if len(at) == 0 {
		return false
	}
	if d.secret && (at[0].key == "data" || at[0].key == "stringData") {
		return true
	}
	keys := make([]string, 0, len(at))
	for _, f := range at {
		keys = append(keys, f.key)
	}
	return secretAt(keys)
}

// LooksSecret says whether a text must not be written where people read it: by the keys on the way to it, or by what
// it holds itself. What only names a Secret or a key of one may be.
func LooksSecret(keys []string, text string) bool {
	return secretAt(keys) || maskText(text) != text
}

// secretAt says whether there is a secret at the end of these keys.
func secretAt(keys []string) bool {
	secret := false
	for _, key := range keys {
		found := secretKey.MatchString(key) || camelKey.MatchString(key)
		if noSecrets.MatchString(key) || found && plainKeys.MatchString(key) {
			return false
		}
		secret = secret || found
	}
	return secret && !plainKeys.MatchString(keys[len(keys)-1])
}

// show writes one value; start is where a long text begins to be interesting.
func (d *differ) show(at []field, v any, start int) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case hidden:
		return masked
	case string:
		if v == "" {
			return `""`
		}
		if isPlaceholder(v) {
			return v
		}
	}
	if d.isSecret(at) {
		return masked
	}
	text, isText := v.(string)
	if !isText {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return cut(maskText(string(b)), 0)
	}
	clean := maskText(text)
	if clean != text {
		start = 0 // places have moved
	}
	return strconv.Quote(cut(clean, start))
}

// maskText hides what looks like a secret within a text.
func maskText(s string) string {
	s = pemBlock.ReplaceAllString(s, masked)
	s = userinfo.ReplaceAllString(s, "://"+masked+"@")
	s = bearer.ReplaceAllString(s, "$1 "+masked)
	return assigned.ReplaceAllString(s, "${1}"+masked)
}

const (
	maxShown = 100 // bytes of a text
	lead     = 20  // of them before what is interesting
)

// cut shortens a text to its interesting part.
func cut(s string, start int) string {
	if len(s) <= maxShown {
		return s
	}
	from := max(0, start-lead)
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	to := min(len(s), from+maxShown)
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to--
	}
	out := s[from:to]
	if from > 0 {
		out = "…" + out
	}
	if to < len(s) {
		out += "…"
	}
	return out
}

func firstDifference(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
