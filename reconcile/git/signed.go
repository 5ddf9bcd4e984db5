package git

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrUnsigned says that a commit has no signature.
var ErrUnsigned = errors.New("not signed")

// Signed returns the signature of a commit and what it was made over: the object as it is stored, byte for byte, but
// for the header gpgsig with its continuation lines. What does not begin as git writes it, or has a second signature,
// is refused (ErrRefused): no two programs may see different commits in what one signature covers. Whose signature it is,
// and whether it fits, is left to others.
func (r *Repo) Signed(commit string) (payload, sig []byte, err error) {
	if _, err := r.Commit(commit); err != nil {
		return nil, nil, err
	}
	o, err := r.object(plumbing.NewHash(commit), plumbing.CommitObject, or(r.MaxObject, defaultMaxObject))
	if err == nil {
		payload, sig, err = takeSignature(o.data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("git commit %s: %w", commit, err)
	}
	return payload, sig, nil
}

// The headers of a commit: those that every commit has, in git's order, and what may not come after them once more.
var (
	firstHeaders = regexp.MustCompile(`\Atree [0-9a-f]{40}\n(?:parent [0-9a-f]{40}\n)*author [^\n]*\ncommitter [^\n]*\n`)
	againHeaders = regexp.MustCompile(`(?m)^(?:tree|parent|author|committer)(?: |$)`)
)

// takeSignature parts a commit from its signature.
func takeSignature(commit []byte) (payload, sig []byte, err error) {
	head, _, _ := bytes.Cut(commit, []byte("\n\n"))
	end := min(len(head)+1, len(commit))
	first := len(firstHeaders.Find(commit[:end]))
	switch {
	case end > maxHeader:
		return nil, nil, fmt.Errorf("%w: %d bytes of headers, at most %d: sign with a smaller key", ErrTooLarge, end, maxHeader)
	case first == 0 || againHeaders.Match(commit[first:end]) || bytes.IndexByte(commit[:end], 0) >= 0:
		return nil, nil, fmt.Errorf("%w: its headers are not as git writes them: make the commit again, with git", ErrRefused)
	}
	payload = append(payload, commit[:first]...)
	inside := false
	for line := range bytes.Lines(commit[first:end]) {
		name, value, _ := bytes.Cut(line, []byte(" "))
		switch {
		case inside && len(name) == 0:
			sig = append(sig, value...)
		case !bytes.HasPrefix(line, []byte("gpgsig")):
			inside = false
			payload = append(payload, line...)
		case sig != nil || string(name) != "gpgsig":
			return nil, nil, fmt.Errorf("%w: more than one signature, or one of another kind: sign it once", ErrRefused)
		default:
			inside = true
			sig = append([]byte{}, value...)
		}
	}
	if sig == nil {
		return nil, nil, fmt.Errorf("%w: sign it with git commit -S", ErrUnsigned)
	}
	return append(payload, commit[end:]...), sig, nil
}
