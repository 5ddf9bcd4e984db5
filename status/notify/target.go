package notify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Receiver is who is told, as the declarations have it.
type Receiver struct {
	Name   string
	Kind   string          // Slack or Webhook
	Secret string          // name of the file with its URL, in notify/ of the credentials
	On     map[string]bool // events that it is told of; empty: all
}

// Kinds of receivers, as status.NotifyKinds lists them.
const (
	Slack   = "slack"   // takes {"text": …}: Slack, Mattermost, Rocket.Chat and others
	Webhook = "webhook" // takes JSON with a signature
)

// wants says whether a receiver is told of an event.
func (r Receiver) wants(e Event) bool { return len(r.On) == 0 || r.On[string(e)] }

// target is where a receiver is, and what signs for it.
type target struct {
	url  string
	keys []string
}

func (t target) equal(o target) bool { return t.url == o.url && slices.Equal(t.keys, o.keys) }

// maxSecret is how much of a file of the credentials is read.
const maxSecret = 64 << 10

// findTarget reads notify/NAME, and for a webhook notify/NAME.key. No error says anything of what is in there.
func findTarget(credentials fs.FS, r Receiver) (t target, err error) {
	lines, err := secretLines(credentials, r.Secret)
	if err != nil {
		return t, err
	}
	if len(lines) != 1 {
		return t, fmt.Errorf("notify/%s of the credentials has %d lines: it must be the receiver's URL and nothing else", r.Secret, len(lines))
	}
	t.url = lines[0]
	if err := allowed(t.url, r); err != nil {
		return target{}, err
	}
	if r.Kind == Webhook {
		t.keys, err = secretLines(credentials, r.Secret+".key")
		if err == nil && len(t.keys) == 0 {
			err = fmt.Errorf("notify/%s.key of the credentials is empty: it must be the key that signs", r.Secret)
		}
	}
	return t, err
}

// secretLines are the lines of a file of the credentials that are not empty.
func secretLines(credentials fs.FS, name string) ([]string, error) {
	if credentials == nil {
		return nil, errors.New("there are no credentials: give --credentials")
	}
	file := path.Join("notify", name)
	info, err := fs.Stat(credentials, file)
	if err == nil && info.Size() > maxSecret {
		return nil, fmt.Errorf("%s of the credentials is too large", file)
	}
	var text []byte
	if err == nil {
		text, err = fs.ReadFile(credentials, file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s in the credentials", file)
	case err != nil:
		return nil, fmt.Errorf("%s of the credentials cannot be read", file)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' }), nil
}

// allowed says whether to send there. The URL of a chat is all that it takes to write there, so that it goes
// nowhere unencrypted; what is signed may.
func allowed(text string, r Receiver) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("notify/%s of the credentials is not an http or https URL", r.Secret)
	}
	if u.Scheme == "http" && r.Kind == Slack && !loopback(u.Hostname()) {
		return fmt.Errorf("notify/%s of the credentials is an http URL, which everybody on the way could read and use: it must be https", r.Secret)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// rawKey is what signs: a key of standardwebhooks.com is in base64 after its prefix, any other is taken as it is.
func rawKey(text string) []byte {
	if encoded, is := strings.CutPrefix(text, "whsec_"); is {
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			return raw
		}
	}
	return []byte(text)
}
