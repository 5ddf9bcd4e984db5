package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxDelay   = 5 * time.Minute // between two tries
	maxSilence = time.Hour       // whatever a receiver asks for
)

// laterError is an answer that says when to come again.
type laterError struct {
	after time.Duration
	err   error
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

// deliver sends one message. What comes back says nothing of the URL, which may be a secret.
func (n *Notifier) deliver(ctx context.Context, who Receiver, to target, m message) error {
	ctx, cancel := n.within(ctx)
	defer cancel()
	var body []byte
	var header http.Header
	var err error
	if who.Kind == Webhook {
		body, header, err = m.webhook(to.keys)
	} else {
		body, err = m.slack()
	}
	if err != nil {
		return err
	}
	client, err := n.o.client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("notify/%s of the credentials is not a URL that can be used", who.Secret)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "reconcile")
	resp, err := client.Do(req)
	if err != nil {
		return n.unspoken(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	return judge(resp)
}

// within is the time for one delivery. One that was begun is not broken off at once when the process is asked to end:
// whether it was taken is to be known.
func (n *Notifier) within(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.o.Timeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })
	return out, func() { stop(); cancel() }
}

// unspoken is a failure without the URL that it quotes.
func (n *Notifier) unspoken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("it did not answer within %s", n.o.Timeout)
	}
	if quoted, is := errors.AsType[*url.Error](err); is {
		err = quoted.Err
	}
	return err
}

// judge turns an answer into success or a failure.
func judge(resp *http.Response) error {
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		err := fmt.Errorf("it answered %d", resp.StatusCode)
		return &laterError{after: retryAfter(resp.Header.Get("Retry-After")), err: err}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("it answered %d, and no redirect is followed: give its own URL", resp.StatusCode)
	}
	return fmt.Errorf("it answered %d", resp.StatusCode)
}

// retryAfter reads seconds or a date; 0: it says nothing that makes sense.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// delay doubles with each try, and is no less than the receiver asks for; with some chance added.
func (n *Notifier) delay(err error, tries int) time.Duration {
	wait := min(n.o.Every<<min(tries, 20), maxDelay)
	if later, is := errors.AsType[*laterError](err); is {
		wait = max(wait, min(later.after, maxSilence))
	}
	return wait + rand.N(wait/4+1)
}

// noRedirects keeps a message where it was meant to go.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
