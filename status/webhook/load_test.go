package webhook

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// zeros is a body of so many bytes, which counts how many were taken.
type zeros struct{ left, taken int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left, z.taken = z.left-n, z.taken+n
	return int(n), nil
}

// A body beyond the limit is not read where its length is said, and not further than the limit where it is not.
func TestLargeBodies(t *testing.T) {
	for name, test := range map[string]struct{ size, said, most int64 }{
		"50 MB, said":       {50e6, 50e6, 0},
		"50 MB, chunked":    {50e6, -1, maxBody + 1<<20},
		"one byte too much": {maxBody + 1, -1, maxBody + 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, time.Minute)
			r.secret("github", "blue")
			body := &zeros{left: test.size}
			in := request(github("blue", push, "1"))
			in.Body, in.ContentLength = io.NopCloser(body), test.said
			out := httptest.NewRecorder()
			r.ServeHTTP(out, in)
			if out.Code != http.StatusRequestEntityTooLarge || r.counted()["github too large"] != 1 || r.pokes.Load() != 0 {
				t.Errorf("%d %s, counted %v", out.Code, out.Body, r.counted())
			}
			if body.taken > test.most {
				t.Errorf("%d bytes were read, want %d at most", body.taken, test.most)
			}
		})
	}
	t.Run("as large as may be", func(t *testing.T) {
		r := newRig(t, time.Minute)
		r.secret("github", "blue")
		if got := r.send(github("blue", strings.Repeat("x", maxBody), "1")); got.Code != http.StatusAccepted {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
	t.Run("without a signature", func(t *testing.T) {
		r := newRig(t, time.Minute)
		body := &zeros{left: 1}
		in := request(delivery{forge: "github", head: http.Header{}})
		in.Body = io.NopCloser(body)
		r.ServeHTTP(httptest.NewRecorder(), in)
		if body.taken != 0 {
			t.Error("its body was read")
		}
	})
}

// A body too large is answered to a real client too, which may not have sent all of it.
func TestALargeBodyOverAConnection(t *testing.T) {
	r := newRig(t, time.Minute)
	r.secret("github", "blue")
	srv := httptest.NewServer(r)
	defer srv.Close()
	for _, said := range []int64{50e6, -1} {
		in, err := http.NewRequest(http.MethodPost, srv.URL+"/webhooks/github", &zeros{left: 50e6})
		if err != nil {
			t.Fatal(err)
		}
		in.Header, in.ContentLength = github("blue", push, "1").head, said
		in.Header.Set("Expect", "100-continue")
		if resp, err := srv.Client().Do(in); err == nil { // it may find the connection closed first
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%d bytes: %s", said, resp.Status)
			}
			resp.Body.Close()
		}
	}
	if got := r.counted()["github too large"]; got != 2 {
		t.Errorf("counted %v", r.counted())
	}
}

// Whoever sends his body too slowly is sent away, and meanwhile takes one of few places.
func TestSlowBodies(t *testing.T) {
	r := newRig(t, 500*time.Millisecond)
	r.secret("github", "blue")
	srv := httptest.NewServer(r)
	defer srv.Close()
	var conns []net.Conn
	for range atOnce {
		c := dial(t, srv)
		defer c.Close()
		writeTo(t, c, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: "+sign("blue", push)+
			"\r\nContent-Length: 1000\r\n\r\n{")
		conns = append(conns, c)
	}
	for _, c := range conns {
		answer, err := io.ReadAll(c) // ends when the connection does
		if err != nil || !strings.Contains(string(answer), " 408 ") {
			t.Errorf("%v, answered %q", err, answer)
		}
	}
	if got := r.counted(); got["github refused"] != atOnce || r.pokes.Load() != 0 {
		t.Errorf("counted %v", got)
	}
	if got := r.send(github("blue", push, "1")); got.Code != http.StatusAccepted {
		t.Errorf("afterwards: %d %s", got.Code, got.Body)
	}
}

// While all places are taken others are told so at once.
func TestABusyReceiverSaysSo(t *testing.T) {
	r := newRig(t, time.Hour)
	r.secret("github", "blue")
	reading, release := make(chan bool), make(chan bool)
	var tasks sync.WaitGroup
	for range atOnce {
		tasks.Go(func() {
			in := request(github("blue", push, "1"))
			in.Body = io.NopCloser(stuck{reading, release})
			r.ServeHTTP(httptest.NewRecorder(), in)
		})
		<-reading
	}
	got := r.send(github("blue", push, "1"))
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	close(release)
	tasks.Wait()
	if got := r.send(github("blue", push, "1")); got.Code != http.StatusAccepted {
		t.Errorf("afterwards: %d %s", got.Code, got.Body)
	}
}

// stuck is a body that says when it is read, and ends in an error when it is released.
type stuck struct{ reading, release chan bool }

func (s stuck) Read([]byte) (int, error) {
	s.reading <- true
	<-s.release
	return 0, errors.New("the connection was lost")
}

// 10,000 deliveries over many connections leave nothing in memory but the bounded marks, and their bodies were
// never there: kept, they would be 1.3 GB.
func TestAFloodLeavesNothing(t *testing.T) {
	const requests, clients, size = 10_000, 100, 128 << 10
	r := newRig(t, time.Minute)
	r.secret("github", "blue")
	srv := httptest.NewServer(r)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	body := bytes.Repeat([]byte("x"), size)
	valid, wrong := sign("blue", string(body)), sign("purple", string(body))
	before := heap()
	var tasks sync.WaitGroup
	for c := range clients {
		tasks.Go(func() {
			for n := range requests / clients {
				signature := [...]string{"", wrong, wrong, valid}[n%4]
				in, err := http.NewRequest(http.MethodPost, srv.URL+"/webhooks/github", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				in.Header = headers("X-GitHub-Event", "push", "X-GitHub-Delivery", strconv.Itoa(c*requests+n),
					"X-Hub-Signature-256", signature)
				resp, err := client.Do(in)
				if err != nil {
					continue // the connection was closed on a body that nobody wants
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	tasks.Wait()
	client.CloseIdleConnections()
	srv.Close()
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has %d bytes more than before", grown)
	}
	if peak := peakMemory(t); peak > 512<<20 {
		t.Errorf("the process had %d bytes at a time", peak)
	}
	total := 0
	for _, n := range r.counted() {
		total += n
	}
	if got := r.counted(); total < requests*9/10 || got["github accepted"] != 1 || r.pokes.Load() != 1 {
		t.Errorf("counted %v, %d looks: one body is one delivery", got, r.pokes.Load())
	}
	if lines := strings.Count(r.log.String(), "\n"); lines > 4 {
		t.Errorf("it logs %d lines", lines)
	}
}

// heap is what is in use, without garbage.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peakMemory is the most that this process ever had, where the system tells.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

func dial(t *testing.T, srv *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeTo(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}
