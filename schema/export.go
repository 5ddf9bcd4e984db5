package schema

import (
	"fmt"
	"math"
	"math/big"
	"strconv"

	"cuelang.org/go/cue"
)

// export turns a concrete value into Go's, or says why that is not possible. It never rounds.
func export(v cue.Value) (value any, problem string) {
	switch v.Kind() {
	case cue.NullKind:
		return nil, ""
	case cue.BoolKind:
		b, err := v.Bool()
		return b, inWords(err)
	case cue.StringKind:
		s, err := v.String()
		return s, inWords(err)
	case cue.IntKind:
		if i, err := v.Int(nil); err == nil && i.IsInt64() {
			return i.Int64(), ""
		}
		return nil, "found a whole number of more than 64 bits: write it as a string"
	case cue.FloatKind, cue.NumberKind:
		return exportFloat(v)
	case cue.ListKind:
		return exportList(v)
	case cue.StructKind:
		return exportStruct(v)
	}
	return nil, fmt.Sprintf("found %s: write a string", kindName(v.Kind()))
}

// inWords is what to say when a value of a kind is not of that kind after all.
func inWords(err error) string {
	if err != nil {
		return "found a value that cannot be read"
	}
	return ""
}

// exportFloat takes a number with a fraction. A whole one becomes an int64, so that it prints
// alike however it was written.
func exportFloat(v cue.Value) (any, string) {
	const tooFine = "found a number that 64 bits cannot hold exactly: write it as a string"
	text, err := v.AppendFloat(nil, 'g', -1)
	if err != nil {
		return nil, tooFine
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(f) < 1e-300 && f != 0 || f == 0 && !zero(text) {
		return nil, tooFine
	}
	want, _ := new(big.Rat).SetString(string(text))
	have, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	if want == nil || have == nil || want.Cmp(have) != 0 {
		return nil, tooFine
	}
	if want.IsInt() && want.Num().IsInt64() {
		return want.Num().Int64(), ""
	}
	return f, ""
}

// zero tells whether a number is written with no digit but 0 before its exponent.
func zero(text []byte) bool {
	for _, c := range text {
		switch {
		case c == 'e' || c == 'E':
			return true
		case '1' <= c && c <= '9':
			return false
		}
	}
	return true
}

// exportList takes a list, with all in it.
func exportList(v cue.Value) (any, string) {
	it, err := v.List()
	if err != nil {
		return nil, "found a list that cannot be evaluated"
	}
	list := []any{}
	for it.Next() {
		e, problem := exportElement(it.Value())
		if problem != "" {
			return nil, problem
		}
		list = append(list, e)
	}
	return list, ""
}

// exportStruct takes a struct, with all in it.
func exportStruct(v cue.Value) (any, string) {
	it, err := v.Fields()
	if err != nil {
		return nil, "found a struct that cannot be evaluated"
	}
	m := map[string]any{}
	for it.Next() {
		e, problem := exportElement(it.Value())
		if problem != "" {
			return nil, problem
		}
		m[it.Selector().Unquoted()] = e
	}
	return m, ""
}

// exportElement takes what stands in a list or in a struct of a list.
func exportElement(v cue.Value) (any, string) {
	v, _ = v.Default()
	if v.Err() != nil || !v.IsConcrete() {
		return nil, "found no value yet in a list, only what it may be: give it one"
	}
	return export(v)
}
