package charts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Values are the values of a release as templates see them: numbers without a fraction are int64, so
// that 1000000 does not print as 1e+06; others are float64.
type Values map[string]any

// UnmarshalJSON reads one JSON object. A whole number that does not fit 64 bits is an error, since it
// could only be rounded.
func (v *Values) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("values: something follows the JSON object")
	}
	for key := range m {
		plain, err := plainNumbers(m[key])
		if err != nil {
			return fmt.Errorf("values: %s: %w", key, err)
		}
		m[key] = plain
	}
	*v = m
	return nil
}

// plainNumbers replaces the numbers in x, in place where it can.
func plainNumbers(x any) (any, error) {
	var err error
	switch x := x.(type) {
	case json.Number:
		return plainNumber(x.String())
	case map[string]any:
		for key, value := range x {
			if x[key], err = plainNumbers(value); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	case []any:
		for i, value := range x {
			if x[i], err = plainNumbers(value); err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
		}
	}
	return x, nil
}

func plainNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("number %s does not fit 64 bits; write it as a string", s)
		}
		return f, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("number %s does not fit 64 bits; write it as a string", s)
	}
	return n, nil
}
