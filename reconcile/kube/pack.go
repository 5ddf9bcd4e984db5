package kube

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// secretType is what Helm 3 calls the Secrets that it stores releases in.
	secretType = "helm.sh/release.v1"
	// maxStored bounds a release when it is unpacked. One Secret of 1 MiB can unpack to a gigabyte, and
	// whoever may write Secrets in a namespace can put it there.
	maxStored = 32 << 20
	// maxPacked is what fits into a Secret, which is 1 MiB with everything around it.
	maxPacked = 1<<20 - 16<<10
)

// pack makes the Secret of a revision, in Helm's format.
func pack(key string, rel *release.Release, stamp string) (*corev1.Secret, error) {
	first, rest, err := spell(rel)
	if err != nil {
		return nil, fmt.Errorf("packing revision %d: %w", rel.Version, err)
	}
	packed, err := squeeze(first, rest)
	if err != nil {
		return nil, fmt.Errorf("packing revision %d: %w", rel.Version, err)
	}
	if len(packed) > maxPacked {
		return nil, fmt.Errorf("the release is too large to be stored: %d KiB packed, %d KiB fit into a Secret; "+
			"split the chart or drop large files from it", len(packed)>>10, maxPacked>>10)
	}
	labels := merged(rel.Labels, map[string]string{
		"name": rel.Name, "owner": "helm", "status": rel.Info.Status.String(),
		"version": strconv.Itoa(rel.Version), stamp: strconv.FormatInt(time.Now().Unix(), 10),
	})
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: key, Labels: labels},
		Type:       secretType, Data: map[string][]byte{"release": packed},
	}, nil
}

// spell writes a release as JSON, its chart before everything else.
func spell(rel *release.Release) (first, rest []byte, err error) {
	first, err = json.Marshal(struct {
		Chart *chart.Chart `json:"chart"`
	}{rel.Chart})
	if err != nil {
		return nil, nil, err
	}
	bare := *rel
	bare.Chart = nil
	if rest, err = json.Marshal(&bare); err != nil {
		return nil, nil, err
	}
	rest[0] = ',' // and no brace between them
	return first[:len(first)-1], rest, nil
}

// unpack reads what pack or Helm wrote, within bounds.
func unpack(packed []byte) (*release.Release, error) {
	raw, err := base64.StdEncoding.DecodeString(string(packed))
	if err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b, 0x08}) {
		r, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
		if raw, err = io.ReadAll(io.LimitReader(r, maxStored+1)); err != nil {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
	}
	if len(raw) > maxStored {
		return nil, fmt.Errorf("unpacks to more than %d MiB", maxStored>>20)
	}
	var read struct {
		release.Release
		Chart sharedChart `json:"chart"` // instead of the release's own
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	rel := read.Release
	rel.Chart = read.Chart.Chart
	if rel.Name == "" || rel.Info == nil || rel.Chart == nil || rel.Chart.Metadata == nil {
		return nil, errors.New("is damaged: it lacks its name, state or chart")
	}
	return &rel, nil
}
