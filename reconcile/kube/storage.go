package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
)

// secrets are the Secrets of one namespace.
type secrets = corev1client.SecretInterface

// storage keeps the revisions of one release where Helm keeps them: in Secrets, readable for the stock
// command line. It lives for one action.
//
// It knows the revisions from the watch and reads only those that are needed, once. That this may lag
// behind is harmless: a revision is created under a name of its own, and when somebody else was faster,
// that fails and the release is planned anew.
type storage struct {
	secrets secrets
	revs    map[int]*stored
	frozen  func() error      // says why nothing may be written now
	extra   map[string]string // labels for the revisions that this action creates
	chart   *chart.Chart      // that these are of; nil: the one that Helm has
}

// stored is one revision.
type stored struct {
	key    string
	labels map[string]string
	rel    *release.Release // nil: not read yet
}

var _ driver.Driver = (*storage)(nil)

// errChanged says that the release was changed by somebody else since we looked.
var errChanged = errors.New("the release was changed by somebody else meanwhile; it is looked at anew")

// Name is the name of the driver, for Helm's messages.
func (s *storage) Name() string { return "Secret" }

// Get reads one revision.
func (s *storage) Get(key string) (*release.Release, error) {
	for _, rev := range s.revs {
		if rev.key == key {
			return s.read(rev)
		}
	}
	return nil, driver.ErrReleaseNotFound
}

// List is of no use to the actions we take.
func (s *storage) List(func(*release.Release) bool) ([]*release.Release, error) {
	return nil, errors.New("listing all releases is not supported")
}

// Query gives the revisions with these labels, oldest first. The newest and the deployed ones are read;
// the others have what their labels say, which is all that Helm asks of them.
func (s *storage) Query(want map[string]string) ([]*release.Release, error) {
	var out []*release.Release
	numbers := slices.Sorted(maps.Keys(s.revs))
	for i, n := range numbers {
		rev := s.revs[n]
		if !includes(rev.labels, want) {
			continue
		}
		rel := stub(rev)
		if i == len(numbers)-1 || rev.labels["status"] == string(release.StatusDeployed) {
			var err error
			if rel, err = s.read(rev); err != nil {
				return nil, err
			}
		}
		out = append(out, rel)
	}
	if len(out) == 0 {
		return nil, driver.ErrReleaseNotFound
	}
	return out, nil
}

// Create stores a new revision. Somebody else having done so is errChanged.
func (s *storage) Create(key string, rel *release.Release) error {
	if err := s.frozen(); err != nil {
		return err
	}
	if s.chart != nil {
		rel.Chart = s.chart
	}
	rel.Labels = merged(merged(rel.Labels, s.extra), map[string]string{markRevision: strconv.Itoa(rel.Version)})
	secret, err := pack(key, rel, "createdAt")
	if err != nil {
		return err
	}
	_, err = s.secrets.Create(context.Background(), secret, metav1.CreateOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsAlreadyExists(err):
		return errChanged
	case err != nil:
		return fmt.Errorf("storing revision %d: %w", rel.Version, err)
	}
	s.revs[rel.Version] = &stored{key: key, labels: secret.Labels, rel: rel}
	return nil
}

// Update stores the outcome of a revision. It is tried again for a while: when it fails, the release
// looks as if nobody had finished it.
func (s *storage) Update(key string, rel *release.Release) error {
	if err := s.frozen(); err != nil {
		return err
	}
	secret, err := pack(key, rel, "modifiedAt")
	if err != nil {
		return err
	}
	temporary := func(err error) bool { return !apierrors.IsNotFound(err) && !apierrors.IsInvalid(err) }
	err = retry.OnError(retry.DefaultBackoff, temporary, func() error {
		_, err := s.secrets.Update(context.Background(), secret, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the outcome of revision %d: %w", rel.Version, err)
	}
	s.revs[rel.Version] = &stored{key: key, labels: secret.Labels, rel: rel}
	return nil
}

// Delete removes a revision.
func (s *storage) Delete(key string) (*release.Release, error) {
	for n, rev := range s.revs {
		if rev.key != key {
			continue
		}
		if err := s.frozen(); err != nil {
			return nil, err
		}
		err := s.secrets.Delete(context.Background(), key, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("removing revision %d: %w", n, err)
		}
		delete(s.revs, n)
		return stub(rev), nil
	}
	return nil, driver.ErrReleaseNotFound
}

// newest is the number of the newest revision; 0 where there is none.
func (s *storage) newest() int {
	newest := 0
	for n := range s.revs {
		newest = max(newest, n)
	}
	return newest
}

// ended says whether nothing of the release is there, but perhaps the history of what it was.
func (s *storage) ended() bool {
	rev, there := s.revs[s.newest()]
	return !there || rev.labels["status"] == string(release.StatusUninstalled)
}

// before is the newest revision that was in force with other inputs than these, or with those that are named;
// 0 where there is none.
func (s *storage) before(digest, named string) int {
	newest := 0
	for n, rev := range s.revs {
		status := release.Status(rev.labels["status"])
		good := status == release.StatusDeployed || status == release.StatusSuperseded
		had := rev.labels[markDigest]
		if good && had != digest && (named == "" || had == named) {
			newest = max(newest, n)
		}
	}
	return newest
}

// read gets a revision from its Secret, once.
func (s *storage) read(rev *stored) (*release.Release, error) {
	if rev.rel != nil {
		return rev.rel, nil
	}
	secret, err := s.secrets.Get(context.Background(), rev.key, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, errChanged
	case err != nil:
		return nil, fmt.Errorf("reading the stored release %s: %w", rev.key, err)
	}
	if rev.rel, err = unpack(secret.Data["release"]); err != nil {
		return nil, fmt.Errorf("the stored release %s: %w", rev.key, err)
	}
	rev.rel.Labels = custom(secret.Labels)
	return rev.rel, nil
}

// stub is a revision as its labels tell it.
func stub(rev *stored) *release.Release {
	version, _ := strconv.Atoi(rev.labels["version"]) // revs hold only those where it is a number
	return &release.Release{
		Name: rev.labels["name"], Version: version, Labels: custom(rev.labels),
		Info: &release.Info{Status: release.Status(rev.labels["status"])},
	}
}

// custom are the labels that Helm does not set itself.
func custom(labels map[string]string) map[string]string {
	out := maps.Clone(labels)
	for _, name := range driver.GetSystemLabels() {
		delete(out, name)
	}
	return out
}

func merged(base, over map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}

func includes(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}
