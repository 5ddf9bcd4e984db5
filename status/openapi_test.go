package status

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/workspace-providers/reconcile/reconcile"
)

// answers are what /api/v1 answers, by path.
var answers = map[string]struct {
	says string
	doc  any
	name string // what {name} is
}{
	"/api/v1/status":                         {"Providers, clusters and revisions.", StatusDoc{}, ""},
	"/api/v1/plan":                           {"What lies between what is declared and what is live.", PlanDoc{}, ""},
	"/api/v1/rollout":                        {"How far what is declared has gone out, wave by wave.", RolloutDoc{}, ""},
	"/api/v1/providers/{name}":               {"A provider, with what happened to it.", ProviderPage{}, "the provider"},
	"/api/v1/organizations":                  {"The organizations, and what each may choose from.", []OrganizationDoc{}, ""},
	"/api/v1/organizations/{name}/providers": {"What an organization may choose from.", PoolDoc{}, "the organization"},
	"/api/v1/revisions":                      {"The commits of which something is known.", []RevisionLine{}, ""},
	"/api/v1/revisions/{name}":               {"What a commit would do, was shown to do, and did.", RevisionPage{}, "the full hash of the commit"},
}

// TestTheOpenAPIDocumentIsFresh: docs/openapi.json is made from the routes, the types of what they answer and their
// comments.
func TestTheOpenAPIDocumentIsFresh(t *testing.T) {
	web, err := os.ReadFile("web.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range regexp.MustCompile(`"GET (/api/[^"]*)"`).FindAllStringSubmatch(string(web), -1) {
		if _, told := answers[route[1]]; !told {
			t.Errorf("%s is not among answers", route[1])
		}
	}
	api := openAPI{says: comments(t, ".", "../reconcile"), schemas: map[string]any{}}
	text, err := json.MarshalIndent(api.document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../docs/openapi.json", string(text)+"\n")
}

// comments are what the sources say of types, and of their fields: "Provider", "Provider.Since".
func comments(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	note := func(name string, said ...*ast.CommentGroup) {
		for _, c := range said {
			if text := strings.Join(strings.Fields(c.Text()), " "); text != "" && out[name] == "" {
				out[name] = text
			}
		}
	}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				decl, is := n.(*ast.GenDecl)
				if !is || decl.Tok != token.TYPE {
					return true
				}
				for _, spec := range decl.Specs {
					spec := spec.(*ast.TypeSpec)
					note(spec.Name.Name, spec.Doc, decl.Doc)
					if kind, is := spec.Type.(*ast.StructType); is {
						for _, f := range kind.Fields.List {
							for _, name := range f.Names {
								note(spec.Name.Name+"."+name.Name, f.Comment, f.Doc)
							}
						}
					}
				}
				return false
			})
		}
	}
	return out
}

// object is a part of the document.
type object = map[string]any

// openAPI makes the document.
type openAPI struct {
	says    map[string]string
	schemas map[string]any
}

func (a *openAPI) document() object {
	paths := object{}
	for path, of := range answers {
		get := object{"summary": of.says, "responses": object{
			"200": object{"description": of.says, "content": object{"application/json": object{"schema": a.schema(reflect.TypeOf(of.doc))}}},
			"401": object{"description": "Nobody has signed in."},
			"403": object{"description": "It is not for who has signed in."},
			"503": object{"description": "Nothing was looked at yet."},
		}}
		parameters := []any{}
		if of.name != "" {
			get["responses"].(object)["404"] = object{"description": "Nothing is known of it."}
			parameters = append(parameters, object{
				"name": "name", "in": "path", "required": true, "description": of.name, "schema": object{"type": "string"},
			})
		}
		if path == "/api/v1/plan" {
			parameters = append(parameters, object{
				"name": "verbose", "in": "query", "description": "what is kept as it is, too", "schema": object{"type": "boolean"},
			})
		}
		if len(parameters) > 0 {
			get["parameters"] = parameters
		}
		paths[path] = object{"get": get}
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "reconcile", "version": "v1", "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "What the daemon knows. It answers at --listen and changes nothing.",
		},
		"servers":  []any{object{"url": "http://127.0.0.1:8080"}},
		"security": []any{object{}, object{"token": []string{}}, object{"user": []string{}}},
		"paths":    paths,
		"components": object{"schemas": a.schemas, "securitySchemes": object{
			"token": object{"type": "http", "scheme": "bearer"}, "user": object{"type": "http", "scheme": "basic"},
		}},
	}
}

// vocabularies are the values of types of which all values are known.
var vocabularies = map[reflect.Type]any{
	reflect.TypeFor[reconcile.Op]():     append([]reconcile.Op{""}, reconcile.Ops...),         // none, where nothing is to be done
	reflect.TypeFor[reconcile.Reason](): append([]reconcile.Reason{""}, reconcile.Reasons...), // likewise
	reflect.TypeFor[Status]():           []Status{Pending, Ready, Error},
}

// schema describes a type: one with a name by a reference.
func (a *openAPI) schema(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []any{a.schema(t.Elem()), object{"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": a.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": a.schema(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		if all, known := vocabularies[t]; known {
			return object{"type": "string", "enum": all}
		}
		return object{"type": "string"}
	}
	if t == reflect.TypeFor[time.Time]() {
		return object{"type": "string", "format": "date-time"}
	}
	if a.schemas[t.Name()] == nil {
		a.schemas[t.Name()] = object{} // for one that holds others of its kind
		a.schemas[t.Name()] = a.structure(t)
	}
	return object{"$ref": "#/components/schemas/" + t.Name()}
}

// structure describes a struct, with what is embedded in it.
func (a *openAPI) structure(t reflect.Type) object {
	fields, required := object{}, map[string]bool{}
	a.fields(t, fields, required)
	out := object{"type": "object", "properties": fields, "required": slices.Sorted(maps.Keys(required))}
	if said := a.says[t.Name()]; said != "" {
		out["description"] = said
	}
	return out
}

func (a *openAPI) fields(t reflect.Type, fields object, required map[string]bool) {
	for f := range fieldsOf(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			a.fields(f.Type, fields, required)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		field := a.schema(f.Type)
		if said := a.says[t.Name()+"."+f.Name]; said != "" {
			field["description"] = said
		}
		fields[name] = field
		if !strings.Contains(options, "omit") {
			required[name] = true
		}
	}
}

// fieldsOf goes through the fields of a struct.
func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// What is answered in every situation is what the document says.
func TestAnswersAreAsTheOpenAPIDocumentSays(t *testing.T) {
	text, err := os.Open("../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	doc, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	for path := range answers {
		at := "openapi.json#/paths/" + url.PathEscape(strings.ReplaceAll(path, "/", "~1")) + "/get/responses/200/content/application~1json/schema"
		schema, err := compiler.Compile(at)
		if err != nil {
			t.Fatal(err)
		}
		answered := false
		for situation, prepare := range situations() {
			w := newWorld()
			prepare(w)
			web := &Web{}
			web.Report(w.report())
			for _, name := range []string{"frankfurt", "paris", "red", "sales", w.Commit.SHA, "of red"} {
				in := httptest.NewRequest(http.MethodGet, strings.Replace(path, "{name}", url.PathEscape(strings.TrimPrefix(name, "of ")), 1), nil)
				who := Viewer{SignedIn: true, All: name != "of red", Organizations: []string{"red"}}
				out := httptest.NewRecorder()
				web.Pages().ServeHTTP(out, in.WithContext(WithViewer(in.Context(), who)))
				if out.Code != http.StatusOK {
					continue
				}
				answered = true
				got, err := jsonschema.UnmarshalJSON(out.Body)
				if err != nil {
					t.Fatalf("%s, %s: %v", path, situation, err)
				}
				if err := schema.Validate(got); err != nil {
					t.Errorf("%s of %s, %s: %v", path, name, situation, err)
				}
			}
		}
		if !answered {
			t.Errorf("%s was never answered", path)
		}
	}
}
