package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Values are Helm values or another open object: nil, bool, string, int64, float64, []any and
// map[string]any, to any depth. A whole number is always an int64 where it fits, so that a
// template prints 1000000 and not 1e+06; the JSON round trip keeps that.
type Values map[string]any

// UnmarshalJSON reads an object, whole numbers as int64.
func (v *Values) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	if raw == nil {
		*v = nil
		return nil
	}
	plain, err := plainNumbers(raw)
	if err != nil {
		return fmt.Errorf("values: %w", err)
	}
	*v = plain.(map[string]any)
	return nil
}

// plainNumbers replaces each json.Number in v by an int64 or a float64, in place.
func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			if v[i], err = plainNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plainNumbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// at returns the value that names lead to; nil when there is none.
func (v Values) at(names ...string) any {
	var here any = map[string]any(v)
	for _, name := range names {
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = m[name]
	}
	return here
}
