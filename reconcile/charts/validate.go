package charts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"helm.sh/helm/v3/pkg/chart"
)

// validate checks values against the schemas of the chart and of the charts in it. Helm's own validation
// would read files and URLs that a schema refers to.
func (p *prepared) validate(ch *chart.Chart, values any) error {
	table, _ := asMap(values)
	if err := p.validateOne(ch, table); err != nil {
		return err
	}
	for _, sub := range ch.Dependencies() {
		below, given := table[sub.Name()]
		if !given || below == nil {
			continue
		}
		if _, ok := asMap(below); !ok {
			return fmt.Errorf("values of %s: %T is given, an object is wanted", sub.Name(), below)
		}
		if err := p.validate(sub, below); err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) validateOne(ch *chart.Chart, table map[string]any) error {
	if ch.Schema == nil {
		return nil
	}
	schema, err := p.schema(ch.Schema)
	if err != nil {
		return fmt.Errorf("values.schema.json of %s: %w", ch.Name(), err)
	}
	var fault *jsonschema.ValidationError
	if err := schema.Validate(table); errors.As(err, &fault) {
		return fmt.Errorf("values of %s do not fit its schema: %s", ch.Name(), faultsText(fault))
	} else if err != nil {
		return fmt.Errorf("values of %s: %w", ch.Name(), err)
	}
	return nil
}

// faultsText says what is wrong, field by field. Values are not quoted: they may be secret.
func faultsText(e *jsonschema.ValidationError) string {
	all := schemaFaults(e, message.NewPrinter(language.English))
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "; ")
}

func schemaFaults(e *jsonschema.ValidationError, english *message.Printer) []string {
	var out []string
	for _, cause := range e.Causes {
		out = append(out, schemaFaults(cause, english)...)
	}
	if len(e.Causes) > 0 {
		return out
	}
	var text string
	switch k := e.ErrorKind.(type) {
	case *kind.Pattern:
		text = "does not match the pattern " + k.Want
	case *kind.Format:
		text = "is no valid " + k.Want
	case *kind.AdditionalProperties:
		text = "there is no field " + strings.Join(slices.Sorted(slices.Values(k.Properties)), ", ")
	default:
		text = k.LocalizedString(english)
	}
	var at []field
	for _, part := range e.InstanceLocation {
		_, err := strconv.Atoi(part)
		at = append(at, field{part, err == nil})
	}
	return []string{cmp.Or(pathText(at), "at the top") + ": " + text}
}

const schemaURL = "file:///values.schema.json"

func (p *prepared) schema(text []byte) (*jsonschema.Schema, error) {
	if s := p.schemas[string(text)]; s != nil {
		return s, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(schemaURL)
	var wrong *jsonschema.SchemaValidationError
	var fault *jsonschema.ValidationError
	if errors.As(err, &wrong) && errors.As(wrong.Err, &fault) {
		return nil, errors.New("it is no JSON Schema: " + faultsText(fault))
	}
	if err != nil {
		return nil, err
	}
	p.schemas[string(text)] = s
	return s, nil
}

// noLoader refuses everything that is not in the schema itself. (The drafts of JSON Schema are built in.)
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, which is not fetched; put what is needed into the schema", url)
}

func asMap(x any) (map[string]any, bool) {
	switch x := x.(type) {
	case map[string]any:
		return x, true
	case interface{ AsMap() map[string]any }: // chartutil.Values
		return x.AsMap(), true
	}
	return map[string]any{}, false
}
