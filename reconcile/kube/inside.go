package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// How often an access URL is looked at from inside a cluster, and for how long one look may take: a pod has to be
// scheduled, and its image to be pulled.
const (
	insideTick    = time.Second
	insideFailing = 20 * time.Second
	insideWell    = time.Minute
	insideTime    = 45 * time.Second
	patientTicks  = 10 // for how long a pod may say that something is wrong
)

// inside is what is looked at from inside a cluster.
type inside struct {
	how  reconcile.AccessURL
	url  string // empty: nothing is
	live map[string]reconcile.URLLive
}

// Inside has every cluster look at a URL from inside, with a short Job, from now on; an empty one ends that. Where
// no image is declared for it nobody looks.
func (f *Fleet) Inside(how reconcile.AccessURL, url string) {
	if how.Image == "" {
		url = ""
	}
	f.mu.Lock()
	clusters := maps.Clone(f.clusters)
	f.mu.Unlock()
	for _, c := range clusters {
		c.mu.Lock()
		if c.inside.url != url || c.inside.how != how {
			c.inside = inside{how: how, url: url}
		}
		c.mu.Unlock()
	}
}

// lookOut looks at the URL from inside the cluster until the session ends.
func (c *Cluster) lookOut(s *session) {
	tick := time.NewTicker(insideTick)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		in, namespace, due := c.lookOutDue(time.Now())
		if !due {
			continue
		}
		ctx, cancel := context.WithTimeout(s.ctx, insideTime)
		found := reconcile.URLLive{At: time.Now(), Status: "an answer"}
		err := s.lookFrom(ctx, c.fleet.Authorities, namespace, in)
		cancel()
		if errors.Is(err, reconcile.ErrFenced) || errors.Is(err, errReadOnly) || errors.Is(err, reconcile.ErrFrozen) || s.ctx.Err() != nil {
			continue
		}
		if err != nil {
			found.Err = err.Error()
		}
		c.lookedOut(in.url, found)
	}
}

// lookOutDue is what it is time to look at, and from which namespace: that of a provider, whose way out counts,
// or, before there is any, our own. It is asked every second, and mostly there is nothing to look at.
func (c *Cluster) lookOutDue(now time.Time) (in inside, namespace string, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside.url == "" || !c.lease.held() {
		return inside{}, "", false
	}
	namespace = c.fleet.Namespace
	concerned := false
	for key, it := range c.items {
		concerned = concerned || !it.OwnURL
		if _, installed := c.releases[c.id(key)]; installed && (namespace == c.fleet.Namespace || key.namespace < namespace) {
			namespace = key.namespace
		}
	}
	last, pause := c.inside.live[c.inside.url], insideWell
	if last.Err != "" {
		pause = insideFailing
	}
	return c.inside, namespace, concerned && now.Sub(last.At) >= pause
}

// lookedOut keeps what was found, and tells if it is another than before.
func (c *Cluster) lookedOut(url string, found reconcile.URLLive) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside.url != url {
		return
	}
	was := c.inside.live[url]
	c.inside.live = map[string]reconcile.URLLive{url: found}
	if was.At.IsZero() || was.Err != found.Err {
		c.fleet.rouse(true)
	}
}

// lookFrom runs a Job that asks a URL, waits for its end and removes it.
func (s *session) lookFrom(ctx context.Context, creds fs.FS, namespace string, in inside) error {
	job, err := lookJob(creds, s.cluster.owner, in)
	if err != nil {
		return err
	}
	jobs := s.kube.BatchV1().Jobs(namespace)
	_, err = jobs.Create(ctx, job, metav1.CreateOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsAlreadyExists(err): // left by a process that is gone
		err = errors.New("an earlier look was not cleaned up; it is tried again")
	case err != nil:
		return fmt.Errorf("looking from inside: %w", err)
	default:
		err = s.ended(ctx, jobs, namespace, job.Name)
	}
	return errors.Join(err, drop(ctx, jobs, job.Name))
}

// drop removes a Job, also when there is no time left for what it was made for.
func drop(ctx context.Context, jobs batchv1client.JobInterface, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	background := metav1.DeletePropagationBackground
	err := jobs.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// ended waits for the end of a Job; an error says why it did not end well, in its pod's words.
func (s *session) ended(ctx context.Context, jobs batchv1client.JobInterface, namespace, name string) error {
	said, troubled := fmt.Sprintf("the Job that looks did not end within %s", insideTime), 0
	err := wait.PollUntilContextCancel(ctx, insideTick, false, func(ctx context.Context) (bool, error) {
		got, err := jobs.Get(ctx, name, metav1.GetOptions{})
		if err != nil || got.Status.Succeeded > 0 {
			return err == nil, err
		}
		if text := s.whyNot(ctx, namespace, name); text != "" {
			said, troubled = text, troubled+1
		}
		if got.Status.Failed > 0 || troubled >= patientTicks {
			return false, errors.New(said)
		}
		return false, nil
	})
	if ctx.Err() != nil {
		return errors.New(said)
	}
	return err
}

// whyNot is what the pod of a Job says of itself when it is not well.
func (s *session) whyNot(ctx context.Context, namespace, job string) string {
	pods, err := s.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + job, Limit: 1})
	if err != nil || len(pods.Items) == 0 {
		return ""
	}
	return podTrouble(&pods.Items[0], false)
}

// lookJob is the Job that looks: curl, as nobody, with nothing of the cluster's.
func lookJob(creds fs.FS, owner string, in inside) (*batchv1.Job, error) {
	sum := sha256.Sum256([]byte(in.url + in.how.Path))
	no, yes, none, seconds, keep := false, true, int32(0), int64(insideTime/time.Second), int32(60)
	user := int64(65532)
	ask := `exec curl --fail --silent --show-error --output /dev/null --max-time 10 ${CA:+--cacert /tmp/ca.pem} "$URL"`
	container := corev1.Container{
		Name: "look", Image: in.how.Image, Command: []string{"sh", "-c", `[ -z "$CA" ] || printf %s "$CA" >/tmp/ca.pem; ` + ask},
		Env: []corev1.EnvVar{{Name: "URL", Value: in.url + in.how.Path}}, TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts: []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	if in.how.CA != "" {
		if creds == nil {
			return nil, fmt.Errorf("ca/%s: there are no credentials", in.how.CA)
		}
		pem, err := fs.ReadFile(creds, "ca/"+in.how.CA)
		if err != nil {
			return nil, err
		}
		container.Env = append(container.Env, corev1.EnvVar{Name: "CA", Value: string(pem)})
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: "reconcile-looks-" + hex.EncodeToString(sum[:5]), Labels: map[string]string{markOwner: owner},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit: &none, ActiveDeadlineSeconds: &seconds, TTLSecondsAfterFinished: &keep,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, Containers: []corev1.Container{container},
				Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				SecurityContext: &corev1.PodSecurityContext{
					RunAsNonRoot: &yes, RunAsUser: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}},
		},
	}, nil
}
