package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const demoChart = "apiVersion: v2\nname: demo\nversion: 1.2.3\n"

func TestScanTellsWhatIsInAnArchive(t *testing.T) {
	info, err := Scan(tgz(t, file("demo/Chart.yaml", demoChart+"kubeVersion: '>=1.30'\n"), file("demo/values.yaml", "a: 1\n")))
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != "demo" || info.Version != "1.2.3" || info.KubeVersion != ">=1.30" || info.Files != 2 {
		t.Errorf("have %+v", info)
	}
}

// The catalogue of bad archives. Each is refused, and quickly.
func TestScanRefuses(t *testing.T) {
	chart := file("demo/Chart.yaml", demoChart)
	meta := func(text string) []byte { return tgz(t, file("demo/Chart.yaml", text)) }
	many := []tar.Header{chart}
	for i := range 5 {
		many = append(many, tar.Header{Name: fmt.Sprintf("demo/f%d", i), Size: maxFile - 1})
	}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"no archive":             {[]byte("<html>"), "not a gzipped tar file"},
		"empty":                  {tgz(t), "it has no Chart.yaml"},
		"no Chart.yaml":          {tgz(t, file("demo/values.yaml", "a: 1")), "it has no Chart.yaml"},
		"cut off":                {tgz(t, chart)[:60], "unexpected EOF"},
		"bomb of one file":       {tgz(t, chart, tar.Header{Name: "demo/big", Size: 50 << 20}), "larger than 5 MiB"},
		"bomb of many files":     {tgz(t, many...), "larger than 20 MiB together"},
		"bomb of nested charts":  {nestedBomb(t), "larger than 20 MiB together"},
		"bomb of headers":        {headerBomb(t), "unpacks to more than 32 MiB"},
		"too many entries":       {manyEntries(t, maxEntries+1), "more than 10000 entries"},
		"charts in charts":       {deep(t, 30), "nested deeper than 5"},
		"symbolic link":          {tgz(t, chart, tar.Header{Name: "demo/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "is a link or a device"},
		"hard link":              {tgz(t, chart, tar.Header{Name: "demo/l", Typeflag: tar.TypeLink, Linkname: "demo/Chart.yaml"}), "is a link or a device"},
		"device":                 {tgz(t, chart, tar.Header{Name: "demo/d", Typeflag: tar.TypeChar}), "is a link or a device"},
		"pipe":                   {tgz(t, chart, tar.Header{Name: "demo/p", Typeflag: tar.TypeFifo}), "is a link or a device"},
		"parent directory":       {tgz(t, chart, file("demo/../../etc/x", "")), "no plain relative file name"},
		"absolute name":          {tgz(t, chart, file("/etc/x", "")), "no plain relative file name"},
		"backslash":              {tgz(t, chart, file(`demo\x`, "")), "no plain relative file name"},
		"control character":      {tgz(t, chart, file("demo/a\nb", "")), "no plain relative file name"},
		"outside its directory":  {tgz(t, chart, file("x", "")), "not below the chart's directory"},
		"Chart.yaml twice":       {tgz(t, chart, file("demo/Chart.yaml", demoChart)), "is in it twice"},
		"Chart.yaml twice, dirs": {tgz(t, chart, file("evil/Chart.yaml", demoChart)), "is in it twice"},
		"name .":                 {meta("apiVersion: v2\nname: .\nversion: 1.2.3\n"), `name "." is not the name of a chart`},
		"name with a path":       {meta("apiVersion: v2\nname: ../x\nversion: 1.2.3\n"), "not the name of a chart"},
		"no version":             {meta("apiVersion: v2\nname: demo\n"), `version "" is not a semantic version`},
		"odd apiVersion":         {meta("apiVersion: v9\nname: demo\nversion: 1.2.3\n"), `apiVersion "v9"`},
		"odd type":               {meta(demoChart + "type: daemon\n"), `type "daemon"`},
		"library":                {meta(demoChart + "type: library\n"), "is a library, which cannot be installed"},
		"Chart.yaml is a list":   {meta("- a\n"), "cannot unmarshal"},
		"Chart.yaml is huge":     {meta(demoChart + strings.Repeat("# x\n", 100_000)), "larger than 256 KiB"},
		"alias bomb":             {meta(demoChart + aliasBomb()), "x 1 is not in charts/"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Scan(c.archive)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have %v, want %q", err, c.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if errors.Is(err, ErrTemporary) {
				t.Error("it is called temporary")
			}
		})
	}
}

// nestedBomb is a small archive of archives: Helm's own bound is for each of them alone.
func nestedBomb(t testing.TB) []byte {
	inner := tgz(t, file("sub/Chart.yaml", demoChart), tar.Header{Name: "sub/a", Size: maxFile - 1})
	entries := []tar.Header{file("demo/Chart.yaml", demoChart)}
	for i := range 5 {
		entries = append(entries, file(fmt.Sprintf("demo/charts/sub%d.tgz", i), string(inner)))
	}
	return tgz(t, entries...)
}

// headerBomb has nothing but extended headers, which are no entries.
func headerBomb(t testing.TB) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := range 33 {
		h := tar.Header{Name: fmt.Sprintf("demo/%d", i), PAXRecords: map[string]string{"comment": strings.Repeat("x", 1<<20-100)}}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func manyEntries(t testing.TB, n int) []byte {
	entries := make([]tar.Header, n)
	for i := range entries {
		entries[i] = tar.Header{Name: fmt.Sprintf("demo/templates/%d", i)}
	}
	return tgz(t, entries...)
}

func deep(t testing.TB, n int) []byte {
	at := "demo"
	entries := []tar.Header{file("demo/Chart.yaml", demoChart)}
	for range n {
		at += "/charts/sub"
		entries = append(entries, file(at+"/Chart.yaml", demoChart))
	}
	return tgz(t, entries...)
}

func aliasBomb() string {
	out := "dependencies: &a0 [{name: x, version: '1'}]\n"
	for i := range 12 {
		out += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9), i)
	}
	return out
}

func TestAMissingDependencyIsNamed(t *testing.T) {
	const needs = demoChart + "dependencies:\n- {name: common, version: ^2.0.0, repository: https://x}\n- {name: db, version: 1.x.x, alias: store, condition: db.enabled}\n"
	common := func(v string) string { return "apiVersion: v2\nname: common\nversion: " + v + "\ntype: library\n" }
	db := tgz(t, file("db/Chart.yaml", "apiVersion: v1\nname: db\nversion: 1.4.0\n"),
		file("db/requirements.yaml", "dependencies:\n- name: common\n  version: '*'\n"))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"both":      {map[string]string{}, "common ^2.0.0 is not in charts/; Chart.yaml: dependency db 1.x.x is not in charts/; run \"helm dependency update\""},
		"version":   {map[string]string{"charts/common/Chart.yaml": common("1.9.0"), "charts/db.tgz": string(db)}, "common ^2.0.0 is wanted, charts/ has 1.9.0"},
		"in nested": {map[string]string{"charts/common/Chart.yaml": common("2.1.0"), "charts/db.tgz": string(db)}, "charts/db.tgz/Chart.yaml: dependency common * is not in charts/"},
		"lock": {map[string]string{"charts/common/Chart.yaml": common("2.1.0"), "charts/db/Chart.yaml": "name: db\nversion: 1.4.0\n",
			"Chart.lock": "dependencies:\n- {name: common, version: 2.0.0}\n"}, "common is locked to 2.0.0, charts/ has 2.1.0"},
		"none": {map[string]string{"charts/common/Chart.yaml": common("2.1.0"), "charts/db/Chart.yaml": "name: db\nversion: 1.4.0\n",
			"Chart.lock": "dependencies:\n- {name: common, version: 2.1.0}\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.files["Chart.yaml"] = needs
			_, err := Scan(mustPack(t, chartFS(c.files), "chart"))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("have %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("<html>"))
	f.Add(tgz(f, file("demo/Chart.yaml", demoChart), file("demo/charts/a.tgz", "x")))
	f.Add(nestedBomb(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Scan(b)
		if err == nil && (info.Name == "" || info.Size > maxInflated || info.Files > maxEntries) {
			t.Errorf("accepted %+v", info)
		}
	})
}
