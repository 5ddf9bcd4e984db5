package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

const (
	maxSecrets    = 8        // valid at a time
	maxSecretFile = 64 << 10 // bytes
)

// keys are what claims are held against.
type keys struct {
	signing [][]byte // of HMACs
	tokens  []string // that come as they are
}

// hasToken compares in a time that tells nothing of the tokens, not even how long they are.
func (k keys) hasToken(claimed string) bool {
	found, sum := 0, sha256.Sum256([]byte(claimed))
	for _, token := range k.tokens {
		have := sha256.Sum256([]byte(token))
		found |= subtle.ConstantTimeCompare(have[:], sum[:])
	}
	return found == 1
}

// secrets reads the secrets of a forge, one in each line of a file, without empty lines and white space around
// them. It is read at each use, so that a rotated one counts at once. An error that wraps fs.ErrNotExist means
// that there is no file.
func secrets(credentials fs.FS, forge string) (lines []string, err error) {
	if credentials == nil {
		return nil, fmt.Errorf("there are no credentials; give --credentials: %w", fs.ErrNotExist)
	}
	file, err := credentials.Open("webhooks/" + forge)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSecretFile {
		return nil, fmt.Errorf("webhooks/%s has more than %d bytes; keep the secrets in use there", forge, maxSecretFile)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 || len(lines) > maxSecrets {
		return nil, fmt.Errorf("webhooks/%s has %d secrets; put one there, or up to %d, one a line", forge, len(lines), maxSecrets)
	}
	return lines, nil
}

// hmacKeys are secrets that forges sign with as they are.
func hmacKeys(lines []string) (k keys, err error) {
	for _, line := range lines {
		k.signing = append(k.signing, []byte(line))
	}
	return k, nil
}

// gitlabKeys tells GitLab's signing tokens, "whsec_" and a key in base64, from its secret tokens.
func gitlabKeys(lines []string) (k keys, err error) {
	for _, line := range lines {
		text, signs := strings.CutPrefix(line, "whsec_")
		if !signs {
			k.tokens = append(k.tokens, line)
			continue
		}
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) == 0 {
			return keys{}, errors.New("webhooks/gitlab has a signing token that is not whsec_ and a key in base64; copy it whole")
		}
		k.signing = append(k.signing, key)
	}
	return k, nil
}
