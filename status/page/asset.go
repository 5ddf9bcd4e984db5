package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed templates/*.html static/*
var files embed.FS

// assets are the files of pages, and where each is: with a mark of its content, so that it can be kept for ever.
var assets = loadAssets()

type assetStore struct {
	content map[string][]byte
	urls    map[string]string // "style": "/assets/style.css?v=1a2b3c4d"
}

func loadAssets() assetStore {
	out := assetStore{map[string][]byte{}, map[string]string{}}
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(text)
		base := path.Base(name)
		out.content[base] = text
		out.urls[strings.TrimSuffix(base, path.Ext(base))] = "/assets/" + base + "?v=" + hex.EncodeToString(sum[:4])
	}
	return out
}

// kinds are those of files, which systems do not agree on.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// asset answers with a file.
func asset(out http.ResponseWriter, in *http.Request) {
	name := in.PathValue("name")
	text, there := assets.content[name]
	if !there {
		http.NotFound(out, in)
		return
	}
	out.Header().Set("Content-Type", kinds[path.Ext(name)])
	if in.URL.RawQuery != "" {
		out.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	send(out, in, http.StatusOK, text)
}

// templates are the pages by name, each with what all have in common. Most runs of the program, workers among them,
// show none.
var templates = sync.OnceValue(loadTemplates)

func loadTemplates() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions).ParseFS(files, "templates/base.html", "templates/parts.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is right
	}
	out := map[string]*template.Template{}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".html")
		if base == "base" || base == "parts" {
			continue
		}
		out[base] = template.Must(template.Must(shared.Clone()).ParseFS(files, name))
	}
	return out
}
