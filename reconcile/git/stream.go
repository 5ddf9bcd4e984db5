package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// stream is a conversation over one connection: ssh or git://. go-git's own ssh client cannot be
// stopped once it is connected; here the connection is closed when the context ends, which ends
// every read and write.
type stream struct {
	in      io.Writer
	out     io.Reader
	stderr  *tail
	ended   func() error // waits for the service's end, by when stderr has all that was said; nil for git://
	service string
	adv     *packp.AdvRefs
	asked   bool // a pack has been asked for or sent
	closers []func()
}

// address is the host and port of a server that is not asked over HTTP.
func (m *remote) address() string {
	port := or(m.ep.Port, map[string]int{"ssh": 22, "git": 9418}[m.ep.Protocol])
	return net.JoinHostPort(strings.Trim(m.ep.Host, "[]"), strconv.Itoa(port))
}

// openStream connects to the server and starts a service there.
func (m *remote) openStream(ctx context.Context, service string) (*stream, error) {
	conn, hangUp, err := dial(ctx, "tcp", m.address())
	if err != nil {
		return nil, err
	}
	s := &stream{service: service, stderr: new(tail), closers: []func(){hangUp}}
	if m.ep.Protocol == "git" {
		s.in, s.out = conn, conn
		err = pktline.NewEncoder(conn).Encodef("%s %s\x00host=%s\x00", service, m.ep.Path, m.ep.Host)
	} else {
		err = s.startSSH(ctx, m, conn)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	limit := maxAdvertised + or(m.repo.MaxPack, defaultMaxPack)
	s.out = &capped{ReadCloser: io.NopCloser(s.out), left: limit}
	return s, nil
}

// afterwards is how much later than its context a connection ends by itself, so that the context's end comes
// first and says why.
const afterwards = time.Second

// dial connects. The connection is closed when the context ends; its own deadline is there for the case that
// this is late, since no server and no agent may hold a fetch. hangUp closes it before.
func dial(ctx context.Context, network, addr string) (conn net.Conn, hangUp func(), err error) {
	conn, err = new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, nil, err
	}
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at.Add(afterwards)) // on a connection that is closed already it is not needed
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, func() { stop(); _ = conn.Close() }, nil
}

// startSSH logs in over a connection and runs the service.
func (s *stream) startSSH(ctx context.Context, m *remote, conn net.Conn) error {
	config, done, err := m.sshConfig(ctx)
	if err != nil {
		return err
	}
	defer done()
	c, channels, requests, err := ssh.NewClientConn(conn, m.address(), config)
	if err != nil {
		return hostKeyHint(err)
	}
	client := ssh.NewClient(c, channels, requests)
	s.closers = append(s.closers, func() { _ = client.Close(); _ = client.Wait() })
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	session.Stderr, s.ended = s.stderr, sync.OnceValue(session.Wait)
	if s.in, err = session.StdinPipe(); err != nil {
		return err
	}
	if s.out, err = session.StdoutPipe(); err != nil {
		return err
	}
	path := strings.ReplaceAll(strings.ReplaceAll(m.ep.Path, "'", `'\''`), "!", `'\!'`)
	return session.Start(s.service + " '" + path + "'")
}

// hostKeyHint says what to do about a host key that is unknown or not the known one.
func hostKeyHint(err error) error {
	switch {
	case knownhosts.IsHostKeyChanged(err):
		return fmt.Errorf("%w: the host key changed: "+
			"if the server's owner confirms that, correct known_hosts", err)
	case knownhosts.IsHostUnknown(err):
		return fmt.Errorf("%w: "+
			"add the host's key to known_hosts in the git folder of the credentials", err)
	}
	return err
}

// AdvertisedReferences is what go-git's interface asks for.
func (s *stream) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(context.Background())
}

// AdvertisedReferencesContext reads what the server has.
func (s *stream) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(s.out)
	switch {
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, s.silence()
	case err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, notFound(err)
	case adv.IsEmpty() && s.service == transport.UploadPackServiceName:
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	s.adv = adv
	return adv, nil
}

// UploadPack asks for a pack.
func (s *stream) UploadPack(
	_ context.Context, req *packp.UploadPackRequest,
) (*packp.UploadPackResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	s.asked = true
	if err := req.UploadRequest.Encode(s.in); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(s.in, true); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(s.in).Encodef("done\n"); err != nil {
		return nil, err
	}
	resp := packp.NewUploadPackResponse(req)
	if err := resp.Decode(io.NopCloser(s.out)); err != nil {
		return nil, s.explained(err)
	}
	return resp, nil
}

// ReceivePack sends a pack and the refs to change.
func (s *stream) ReceivePack(
	_ context.Context, req *packp.ReferenceUpdateRequest,
) (*packp.ReportStatus, error) {
	s.asked = true
	if err := req.Encode(s.in); err != nil {
		return nil, s.explained(err)
	}
	if !req.Capabilities.Supports(capability.ReportStatus) {
		return nil, nil
	}
	report := packp.NewReportStatus()
	if err := report.Decode(s.out); err != nil {
		return nil, s.explained(err)
	}
	return report, report.Error()
}

// Close ends the conversation politely where nothing was asked, and the connection in any case.
func (s *stream) Close() error {
	if s.adv != nil && !s.asked {
		_, _ = s.in.Write(pktline.FlushPkt) // only a courtesy
	}
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
	return nil
}

// silence explains why a server closed without a word.
func (s *stream) silence() error {
	s.settle()
	if text := s.stderr.text(); text != "" {
		return notFound(errors.New("the server closed the connection" + text))
	}
	return errors.New("the server closed the connection without a word: correct the path in the URL")
}

// explained adds to an error what the server says of it.
func (s *stream) explained(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.settle()
	}
	return fmt.Errorf("%w%s", err, s.stderr.text())
}

// settle waits, after the end of what a service answers, for what it says of it: another goroutine copies that.
// The end of the context closes the connection and with it a service that does not end.
func (s *stream) settle() {
	if s.ended != nil {
		_ = s.ended() // how it ended is told by what it said
	}
}

// notFound recognises what servers say of repositories that are not there for us.
func notFound(err error) error {
	text := strings.ToLower(err.Error())
	for _, words := range []string{
		"not found", "does not exist", "not appear to be a git repository", "access denied",
	} {
		if strings.Contains(text, words) {
			return fmt.Errorf("%w: %s", transport.ErrRepositoryNotFound, printable(err.Error(), 200))
		}
	}
	return err
}

// tail keeps the beginning of what a server says on its error channel.
type tail struct {
	mu  sync.Mutex // guards buf: the ssh library writes while we read
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p[:min(len(p), max(0, 4096-t.buf.Len()))])
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if line := firstLine(t.buf.Bytes()); line != "" {
		return ": " + line
	}
	return ""
}
