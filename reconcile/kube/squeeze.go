package kube

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// squeeze compresses what Helm stores, as Helm does: quickly, since a release is stored up to three times each time it
// changes and most are far from what fits, or well where that is not enough. What comes first is most of it, the chart,
// which many releases share.
func squeeze(first, rest []byte) ([]byte, error) {
	front, err := fronts.deflate(first)
	if err != nil {
		return nil, err
	}
	back, err := deflate(rest, (*flate.Writer).Close)
	if err != nil {
		return nil, err
	}
	file := slices.Concat(gzipBegin, front, back)
	file = binary.LittleEndian.AppendUint32(file, crc32.Update(crc32.ChecksumIEEE(first), crc32.IEEETable, rest))
	file = binary.LittleEndian.AppendUint32(file, uint32(len(first)+len(rest)))
	if packed := base64.StdEncoding.AppendEncode(nil, file); len(packed) <= maxPacked {
		return packed, nil
	}
	return squeezeWell(slices.Concat(first, rest))
}

// gzipBegin is the begin of a file that was compressed quickly, with nothing said of where it comes from (RFC 1952).
var gzipBegin = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255}

// squeezeWell takes its time.
func squeezeWell(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err = w.Close()
	return base64.StdEncoding.AppendEncode(nil, out.Bytes()), err
}

// deflaters are used again and again: each has buffers of a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // there is no such level
	}
	return w
}}

// deflate compresses to blocks that refer to nothing before them. Flushed, others may follow.
func deflate(raw []byte, end func(*flate.Writer) error) ([]byte, error) {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err := end(w)
	return out.Bytes(), err
}

// How many compressed charts are kept, and of which size.
const keptFronts, maxFront = 8, 128 << 10

// compressed are begins of what is stored, by what they were compressed from.
type compressed struct {
	*lru.Cache[[sha256.Size]byte, []byte]
}

var fronts = func() compressed {
	kept, err := lru.New[[sha256.Size]byte, []byte](keptFronts)
	if err != nil {
		panic(err) // there is no such size
	}
	return compressed{kept}
}()

// deflate compresses to blocks that others may follow, unless that was done lately.
func (c compressed) deflate(raw []byte) ([]byte, error) {
	sum := sha256.Sum256(raw)
	if kept, there := c.Get(sum); there {
		return kept, nil
	}
	out, err := deflate(raw, (*flate.Writer).Flush)
	if err == nil && len(out) <= maxFront {
		c.Add(sum, out)
	}
	return out, err
}
