package kube

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// The fake clientset stands for the Secrets alone; what Helm makes of them is Helm's own code.

func aRelease(name string, revision int, status release.Status) *release.Release {
	return &release.Release{
		Name: name, Namespace: "coder", Version: revision, Manifest: "kind: ConfigMap\n",
		Info:   &release.Info{Status: status},
		Chart:  &chart.Chart{Metadata: &chart.Metadata{Name: "c", Version: "1.0.0"}},
		Labels: map[string]string{markDigest: "d" + string(rune('0'+revision))},
	}
}

func TestHelmReadsWhatWeStore(t *testing.T) {
	api := fake.NewClientset().CoreV1().Secrets("coder")
	ours := helmstorage.Init(&storage{secrets: api, revs: map[int]*stored{}, frozen: func() error { return nil }})
	want := aRelease("web", 1, release.StatusDeployed)
	if err := ours.Create(want); err != nil {
		t.Fatal(err)
	}
	got, err := helmstorage.Init(driver.NewSecrets(api)).Last("web")
	if err != nil {
		t.Fatal(err)
	}
	if got.Manifest != want.Manifest || got.Info.Status != want.Info.Status || got.Labels[markDigest] != "d1" {
		t.Errorf("Helm reads %+v", got)
	}
}

func TestWeReadWhatHelmStores(t *testing.T) {
	api := fake.NewClientset().CoreV1().Secrets("coder")
	helms := helmstorage.Init(driver.NewSecrets(api))
	for n := 1; n <= 3; n++ {
		status := release.StatusSuperseded
		if n == 3 {
			status = release.StatusDeployed
		}
		if err := helms.Create(aRelease("web", n, status)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := helmstorage.Init(watchedStorage(t, api, "web")).Last("web")
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != 3 || got.Manifest == "" {
		t.Errorf("the newest revision is read as %+v", got)
	}
}

// watchedStorage is a storage as an operation begins with: the labels are known, the rest is not.
func watchedStorage(t *testing.T, api secrets, name string) *storage {
	t.Helper()
	list, err := api.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &storage{secrets: api, revs: map[int]*stored{}, frozen: func() error { return nil }}
	for i := range list.Items {
		if rev, ok := revisionOf(&list.Items[i]); ok && rev.labels["name"] == name {
			s.revs[rev.number] = &stored{key: rev.key, labels: rev.labels}
		}
	}
	return s
}

func TestHistoryIsBounded(t *testing.T) {
	api := fake.NewClientset().CoreV1().Secrets("coder")
	s := helmstorage.Init(&storage{secrets: api, revs: map[int]*stored{}, frozen: func() error { return nil }})
	s.MaxHistory = 3
	for n := 1; n <= 7; n++ {
		rel := aRelease("web", n, release.StatusPendingUpgrade)
		if err := s.Create(rel); err != nil {
			t.Fatal(err)
		}
		if n > 1 {
			old, err := s.Get("web", n-1)
			if err != nil {
				t.Fatal(err)
			}
			old.SetStatus(release.StatusSuperseded, "")
			if err := s.Update(old); err != nil {
				t.Fatal(err)
			}
		}
		rel.SetStatus(release.StatusDeployed, "")
		if err := s.Update(rel); err != nil {
			t.Fatal(err)
		}
	}
	list, err := api.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 3 {
		t.Errorf("%d revisions are kept, want 3", len(list.Items))
	}
}

func TestSomebodyElseWasFaster(t *testing.T) {
	api := fake.NewClientset().CoreV1().Secrets("coder")
	s := watchedStorage(t, api, "web") // knows of no revision
	if err := helmstorage.Init(driver.NewSecrets(api)).Create(aRelease("web", 1, release.StatusDeployed)); err != nil {
		t.Fatal(err)
	}
	err := s.Create("sh.helm.release.v1.web.v1", aRelease("web", 1, release.StatusPendingInstall))
	if !errors.Is(err, errChanged) {
		t.Errorf("creating a revision that is there gives %v, want errChanged", err)
	}
}

func TestDamagedReleases(t *testing.T) {
	zipped := func(text string) []byte {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return []byte(base64.StdEncoding.EncodeToString(buf.Bytes()))
	}
	for name, packed := range map[string][]byte{
		"nothing":        nil,
		"junk":           []byte("%%%"),
		"no gzip inside": []byte("H4sI"),
		"null":           zipped("null"),
		"no fields":      zipped("{}"),
		"no chart":       zipped(`{"name":"web","info":{}}`),
		"another type":   zipped(`[1,2]`),
		"cut off":        zipped(strings.Repeat(`{"name":"web"}`, 10))[:40],
	} {
		t.Run(name, func(t *testing.T) {
			if rel, err := unpack(packed); err == nil {
				t.Errorf("it is read as %+v", rel)
			}
		})
	}
}

// One Secret within the API's limits can unpack to 766 MiB, and did with Helm's own reader.
func TestReleaseBomb(t *testing.T) {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	zeros := make([]byte, 1<<20)
	for range 100 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	packed := []byte(base64.StdEncoding.EncodeToString(buf.Bytes()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := unpack(packed)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "unpacks to more than") {
		t.Errorf("a bomb of %d KiB gives %v", len(packed)>>10, err)
	}
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 256 {
		t.Errorf("reading it allocated %d MiB", grown)
	}
}

func TestReleaseTooLarge(t *testing.T) {
	rel := aRelease("web", 1, release.StatusPendingInstall)
	noise := make([]byte, 2<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	rel.Manifest = base64.StdEncoding.EncodeToString(noise)
	if _, err := pack("key", rel, "createdAt"); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a release that fits no Secret gives %v", err)
	}
}

func TestWhatFitsOnlyWhenItIsPackedWellIsPackedWell(t *testing.T) {
	rel := aRelease("web", 1, release.StatusPendingInstall)
	packed := func(words int) int {
		var text strings.Builder
		for x := uint32(1); words > 0; words-- {
			x = x*1664525 + 1013904223
			fmt.Fprintf(&text, "word%d ", x>>20*7919)
		}
		rel.Manifest = text.String()
		quick, err := deflateQuickly([]byte(rel.Manifest), (*flate.Writer).Close)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodedLen(len(quick))
	}
	const sample = 100000
	if n := packed(maxPacked * sample / packed(sample) * 103 / 100); n <= maxPacked {
		t.Fatalf("%d bytes fit without effort", n)
	}
	if _, err := pack("key", rel, "createdAt"); err != nil {
		t.Error(err)
	}
}

// What is stored is one file of gzip and one document of JSON, for whoever reads it, and the same whether its chart was
// stored lately or not.
func TestWhatIsStoredIsPlain(t *testing.T) {
	rel := aRelease("web", 1, release.StatusPendingInstall)
	rel.Chart.Values = map[string]any{"drawn": rand.Text()} // a chart that was never stored
	for range 3 {
		secret, err := pack("key", rel, "createdAt")
		if err != nil {
			t.Fatal(err)
		}
		packed, err := base64.StdEncoding.DecodeString(string(secret.Data["release"]))
		if err != nil {
			t.Fatal(err)
		}
		file := bytes.NewReader(packed)
		r, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		r.Multistream(false)
		raw, err := io.ReadAll(r)
		if err != nil || file.Len() > 0 {
			t.Fatal(err, file.Len())
		}
		var got release.Release
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(rel)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != string(want) {
			t.Errorf("stored was %s, read is %s: %v", want, again, err)
		}
		rel.SetStatus(release.StatusDeployed, "done")
	}
}

func TestPackedSecretIsHelms(t *testing.T) {
	secret, err := pack("sh.helm.release.v1.web.v2", aRelease("web", 2, release.StatusFailed), "modifiedAt")
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{"name": "web", "owner": "helm", "status": "failed", "version": "2"} {
		if got := secret.Labels[label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
	if secret.Type != corev1.SecretType("helm.sh/release.v1") || secret.Labels["modifiedAt"] == "" {
		t.Errorf("type %s, labels %v", secret.Type, secret.Labels)
	}
}
