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
)

// squeeze compresses what Helm stores, as Helm does: quickly, since a release is stored up to three times each time it
// changes and most are far from what fits, or well where that is not enough. What comes first is most of it, the chart,
// which many releases share.
func squeeze(first, rest []byte) ([]byte, error) {
	front, err := deflateFirst(first)
	if err != nil {
		return nil, err
	}
	back, err := deflateQuickly(rest, (*flate.Writer).Close)
	if err != nil {
		return nil, err
	}
	if packed := enclose(first, rest, front, back); len(packed) <= maxPacked {
		return packed, nil
	}
	whole, err := deflate(deflater(flate.BestCompression), slices.Concat(first, rest), (*flate.Writer).Close)
	return enclose(first, rest, whole), err
}

// gzipBegin is the begin of a file of gzip that says nothing of where it comes from (RFC 1952).
var gzipBegin = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// enclose makes a file of gzip of the blocks that a text was compressed to, in base64.
func enclose(first, rest []byte, blocks ...[]byte) []byte {
	file := slices.Concat(gzipBegin, slices.Concat(blocks...))
	file = binary.LittleEndian.AppendUint32(file, crc32.Update(crc32.ChecksumIEEE(first), crc32.IEEETable, rest))
	file = binary.LittleEndian.AppendUint32(file, uint32(len(first)+len(rest)))
	return base64.StdEncoding.AppendEncode(nil, file)
}

// deflate compresses to blocks that refer to nothing before them. Flushed, others may follow.
func deflate(w *flate.Writer, raw []byte, end func(*flate.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err := end(w)
	return out.Bytes(), err
}

func deflater(level int) *flate.Writer {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // there is no such level
	}
	return w
}

// deflaters are used again and again: each has buffers of a megabyte.
var deflaters = sync.Pool{New: func() any { return deflater(flate.BestSpeed) }}

func deflateQuickly(raw []byte, end func(*flate.Writer) error) ([]byte, error) {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	return deflate(w, raw, end)
}

// How many compressed charts are kept, and of which size.
const keptFirsts, maxFirst = 8, 128 << 10

// firsts are the blocks that were made of what comes first, by its digest.
var firsts = func() *lru.Cache[[sha256.Size]byte, []byte] {
	kept, err := lru.New[[sha256.Size]byte, []byte](keptFirsts)
	if err != nil {
		panic(err) // there is no such size
	}
	return kept
}()

// deflateFirst compresses what comes first, unless that was done lately.
func deflateFirst(raw []byte) ([]byte, error) {
	sum := sha256.Sum256(raw)
	if kept, there := firsts.Get(sum); there {
		return kept, nil
	}
	out, err := deflateQuickly(raw, (*flate.Writer).Flush)
	if err == nil && len(out) <= maxFirst {
		firsts.Add(sum, out)
	}
	return out, err
}
