package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// message is what a receiver is told at a time.
type message struct {
	deployment string
	page       string // empty: there is none
	at         time.Time
	news       []news
	more       int // that there is no room for; each is told of all the same as far as we are concerned
}

// news is the begin of an incident or its end.
type news struct {
	Incident
	ended bool
}

// webhookBody is the body of a signed webhook.
type webhookBody struct {
	Type       string        `json:"type"` // always "incidents"
	Timestamp  time.Time     `json:"timestamp"`
	Deployment string        `json:"deployment"`
	URL        string        `json:"url,omitempty"` // of the page
	Incidents  []webhookNews `json:"incidents"`
}

// webhookNews is the begin of an incident or its end in a signed webhook.
type webhookNews struct {
	ID       string     `json:"id"`    // the same in both
	State    string     `json:"state"` // "begun", "ended"
	Event    Event      `json:"event"`
	Provider string     `json:"provider,omitempty"`
	Cluster  string     `json:"cluster,omitempty"`
	Title    string     `json:"title"`
	Message  string     `json:"message,omitempty"`
	Revision string     `json:"revision,omitempty"`
	Began    time.Time  `json:"began"`
	Ended    *time.Time `json:"ended,omitempty"`
}

// webhook is the body and the headers of a signed webhook.
func (m message) webhook(keys []string) ([]byte, http.Header, error) {
	body := webhookBody{
		Type: "incidents", Timestamp: m.at.UTC(), Deployment: m.deployment, URL: m.page, Incidents: []webhookNews{},
	}
	for _, n := range m.news {
		one := webhookNews{
			ID: n.id(), State: "begun", Event: n.Event, Provider: n.Provider, Cluster: n.Cluster, Title: n.Title,
			Message: n.Message, Revision: n.Revision, Began: n.Began.UTC(),
		}
		if n.ended {
			at := m.at.UTC()
			one.State, one.Title, one.Message, one.Ended = "ended", n.Over, "", &at
		}
		body.Incidents = append(body.Incidents, one)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	return text, sign(m.id(), m.at, text, keys), nil
}

// id is the same for the same news, so that a receiver can tell what it was told before.
func (m message) id() string {
	sum := sha256.New()
	for _, n := range m.news {
		fmt.Fprintln(sum, n.id(), n.ended) // a hash takes everything
	}
	return "msg_" + hex.EncodeToString(sum.Sum(nil)[:12])
}

// sign makes the headers of standardwebhooks.com: an HMAC-SHA256 of id, time and body with each key, so that keys can
// be changed one after the other on both sides.
func sign(id string, at time.Time, body []byte, keys []string) http.Header {
	unix := strconv.FormatInt(at.Unix(), 10)
	var sums []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, rawKey(key))
		fmt.Fprintf(mac, "%s.%s.%s", id, unix, body)
		sums = append(sums, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h := http.Header{}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", unix)
	h.Set("Webhook-Signature", strings.Join(sums, " "))
	return h
}

// slack is the body for a chat.
func (m message) slack() ([]byte, error) {
	var b strings.Builder
	for _, n := range m.news {
		b.WriteString(n.line(m.at) + "\n")
	}
	if m.more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", m.more)
	}
	where := "reconcile, " + escape(m.deployment)
	if m.page != "" {
		where = fmt.Sprintf("reconcile, <%s|%s>", entities.Replace(m.page), escape(m.deployment))
	}
	b.WriteString(where)
	return json.Marshal(map[string]string{"text": b.String()})
}

// line says one piece of news in a chat.
func (n news) line(now time.Time) string {
	if n.ended {
		return fmt.Sprintf("*Recovered*: %s, after %s", escape(n.Over), rounded(now.Sub(n.Began)))
	}
	word := map[Event]string{Error: "Error", Hold: "Held", Halted: "Halted", Frozen: "Frozen"}[n.Event]
	text := fmt.Sprintf("*%s*: %s", word, escape(n.Title))
	if n.Message != "" {
		text += "\n> " + escape(n.Message)
	}
	return text
}

// rounded is a duration as people say it: "40s", "12m", "26h".
func rounded(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%dh", int(d.Hours()))
}

// escape keeps a message from being read as markup: an object's own words must not call everybody in a channel, nor hide
// where a link leads. Slack has its own markup for both. What takes Slack's webhooks knows @all and links of Markdown
// too, and has nothing to escape them with; a space without width parts them.
func escape(s string) string {
	return strings.NewReplacer("@", "@\u200b", "](", "]\u200b(").Replace(entities.Replace(s))
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
