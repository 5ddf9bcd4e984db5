package git

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"testing"
)

// packOf writes a pack of one blob and one delta against it that claims to make size bytes.
func packOf(blob string, size uint64) []byte {
	deflated := func(data []byte) []byte {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, _ = w.Write(data)
		_ = w.Close()
		return b.Bytes()
	}
	var p bytes.Buffer
	p.WriteString("PACK")
	_ = binary.Write(&p, binary.BigEndian, []uint32{2, 2})
	at := p.Len()
	p.WriteByte(3<<4 | byte(len(blob))) // a blob of less than 16 bytes
	p.Write(deflated([]byte(blob)))
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(blob))), size)
	delta = append(delta, 0x91, 0, 1) // copy one byte
	back := p.Len() - at
	p.WriteByte(6<<4 | byte(len(delta))) // a delta against what is so many bytes before
	p.WriteByte(byte(back))
	p.Write(deflated(delta))
	sum := sha1.Sum(p.Bytes())
	return append(p.Bytes(), sum[:]...)
}

func TestInspectSeesWhatWouldComeOut(t *testing.T) {
	for _, c := range []struct {
		blob  string
		size  uint64
		limit int64
		large bool
	}{
		{"0123456789", 10, 10, false},
		{"0123456789", 10, 9, true},
		{"0123456789", 11, 10, true},
		{"0123456789", 10 << 30, 64 << 20, true},
		{"0123456789", 1 << 62, 64 << 20, true},
	} {
		err := inspect(t.Context(), bytes.NewReader(packOf(c.blob, c.size)), c.limit)
		if got := errors.Is(err, ErrTooLarge); got != c.large || (err != nil && !got) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestInspectRefusesWhatIsNoPack(t *testing.T) {
	whole := packOf("0123456789", 10)
	for n := range whole {
		if err := inspect(t.Context(), bytes.NewReader(whole[:n]), 1<<20); err == nil {
			t.Errorf("the first %d bytes of %d are taken for a pack", n, len(whole))
		}
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0x40
		if err := inspect(t.Context(), bytes.NewReader(flipped), 1<<20); err == nil {
			t.Errorf("a pack with byte %d flipped is taken for one", n)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(packOf("0123456789", 10))
	f.Add(packOf("", 1<<62))
	f.Fuzz(func(t *testing.T, pack []byte) {
		_ = inspect(t.Context(), bytes.NewReader(pack), 1<<20) // ends, and does not panic
	})
}

func TestInspectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := inspect(ctx, bytes.NewReader(packOf("0123456789", 10)), 1<<20)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestInspectBoundsTheWhole(t *testing.T) {
	err := inspect(t.Context(), bytes.NewReader(packOf("0123456789", maxUnpacked)), maxUnpacked)
	wrong(t, err, "bytes unpacked", "a repository of their own")
}
