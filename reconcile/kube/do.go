package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/postrender"
	"helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"

	"github.com/workspace-providers/reconcile/reconcile"
)

// operation is one action on one release, from the first look at its storage to its record.
type operation struct {
	*Cluster
	session *session
	action  reconcile.Action
	key     releaseKey
	storage *storage
	client  *client
	config  *action.Configuration
	ran     []ran    // environments that ran before
	secrets []string // what it was given from Secrets
}

// Do carries out one action. It returns when Helm is done and the watches have seen what it did, so that
// the next look does not see what was there before.
func (c *Cluster) Do(ctx context.Context, a reconcile.Action) error {
	c.acting.Add(1) // before it is asked whether it may be: see lease.yields
	defer c.acting.Add(-1)
	return c.blaming(func() error { return c.do(ctx, a) })
}

func (c *Cluster) do(ctx context.Context, a reconcile.Action) error {
	if a.ID.Kind != reconcile.KindRelease {
		return c.doDoor(ctx, a)
	}
	if a.Op == reconcile.OpDelete {
		if err := c.vacant(ctx, a); err != nil {
			return err
		}
	}
	op, err := c.begin(a)
	if err != nil {
		return err
	}
	c.take(op.key, true)
	defer c.take(op.key, false)
	verbs := map[reconcile.Op]func(context.Context) error{
		reconcile.OpCreate: op.apply, reconcile.OpUpdate: op.apply, reconcile.OpAdopt: op.apply,
		reconcile.OpRollback: op.rollback, reconcile.OpDelete: op.uninstall, reconcile.OpOrphan: op.orphan,
		reconcile.OpRepair: op.repair,
	}
	verb, known := verbs[a.Op]
	if !known {
		return fmt.Errorf("%s %s: there is nothing to do", a.Op, a.ID)
	}
	if err := verb(ctx); err != nil {
		return op.failed(ctx, err)
	}
	return nil
}

// begin prepares an operation on what the watches show now.
func (c *Cluster) begin(a reconcile.Action) (*operation, error) {
	s, err := c.current()
	switch {
	case err != nil:
		return nil, err
	case !c.lease.free():
		return nil, fenced(c.lease.holding())
	}
	key := releaseKey{a.ID.Namespace, a.ID.Name}
	op := &operation{Cluster: c, session: s, action: a, key: key, ran: c.ranBefore(s, a)}
	if err := op.frozen(); err != nil {
		return nil, err
	}
	op.storage = &storage{secrets: s.kube.CoreV1().Secrets(key.namespace), revs: map[int]*stored{}, frozen: op.frozen}
	for _, rev := range s.revisions(key) {
		op.storage.revs[rev.number] = &stored{key: rev.key, labels: rev.labels, rel: s.takeRead(key, rev)}
	}
	caps, err := s.capabilities()
	if err != nil {
		return nil, err
	}
	from := getter{s.conn, key.namespace}
	op.client = &client{
		Client: helmkube.New(from), ctx: s.ctx, conn: s.conn, namespace: key.namespace, release: key.name,
		watched: op, ignore: a.Want.Release.Ignore,
	}
	op.config = &action.Configuration{
		RESTClientGetter: from, Releases: helmstorage.Init(op.storage), KubeClient: op.client,
		Capabilities: caps, Log: func(string, ...any) {},
	}
	op.config.Releases.MaxHistory = max(1, a.Want.Release.MaxHistory)
	return op, nil
}

// apply installs or upgrades the release to what is wanted.
func (op *operation) apply(ctx context.Context) error {
	if have := op.action.Have; op.action.Op == reconcile.OpUpdate && have.State == reconcile.Deployed &&
		have.Digest == op.action.Digest {
		return op.remark(ctx)
	}
	values, err := op.values(ctx)
	if err != nil {
		return err
	}
	chrt, err := op.chart(ctx)
	if err != nil {
		return err
	}
	if err := op.takeUp(ctx); err != nil {
		return err
	}
	if err := op.ensureNamespace(ctx); err != nil {
		return err
	}
	var text postrender.PostRenderer
	if r := op.rendering(); r != nil {
		text = r.text
		if chrt, err = op.stage(chrt, values, r); err != nil {
			return err
		}
	}
	began := time.Now()
	var rel *release.Release
	if op.storage.ended() {
		rel, err = op.install(chrt, values, text)
	} else {
		rel, err = op.upgrade(chrt, values, text)
	}
	if err != nil {
		return err
	}
	return op.settle(ctx, rel, began)
}

// remark brings the marks of a release up to date that carries what is wanted already. Older revisions
// keep theirs, which say what they were made from.
func (op *operation) remark(ctx context.Context) error {
	rev, there := op.storage.revs[op.action.Have.Revision]
	if !there {
		return errChanged
	}
	if err := op.relabel(ctx, []*stored{rev}, marks(op.owner, op.action)); err != nil {
		return err
	}
	rec, _ := op.session.record(op.key)
	if rec.Revision != op.action.Have.Revision || !rec.spell(op.action.Want.AccessURL) {
		return nil
	}
	return op.session.writeRecord(ctx, op.key, rec)
}

// install has Helm install what text makes of the chart; nil: what is rendered.
func (op *operation) install(chrt *chart.Chart, values map[string]any, text postrender.PostRenderer) (*release.Release, error) {
	op.client.terse = true // Helm looks whether objects are there, and whose
	do := action.NewInstall(op.config)
	do.ReleaseName, do.Namespace = op.key.name, op.key.namespace
	do.Labels, do.Description = marks(op.owner, op.action), op.describe()
	do.Timeout, do.TakeOwnership, do.PostRenderer = op.action.Want.Release.Timeout, op.action.Op == reconcile.OpAdopt, text
	do.Replace = true                                                 // an uninstalled release whose history was kept
	do.DisableOpenAPIValidation, do.SkipSchemaValidation = true, true // the worker that rendered it validated it
	rel, err := do.Run(chrt, values)
	return rel, op.discreet(err)
}

// upgrade is install, on what is there.
func (op *operation) upgrade(chrt *chart.Chart, values map[string]any, text postrender.PostRenderer) (*release.Release, error) {
	do := action.NewUpgrade(op.config)
	do.Namespace = op.key.namespace
	do.Labels, do.Description = marks(op.owner, op.action), op.describe()
	do.Timeout, do.PostRenderer = op.action.Want.Release.Timeout, text
	do.MaxHistory, do.ResetValues = op.config.Releases.MaxHistory, true
	do.DisableOpenAPIValidation, do.SkipSchemaValidation = true, true
	rel, err := do.Run(op.key.name, chrt, values)
	return rel, op.discreet(err)
}

// describe is what `helm history` shows of a revision.
func (op *operation) describe() string {
	return fmt.Sprintf("%s (%s) by revision %.10s", op.action.Op, op.action.Reason, op.action.Commit.SHA)
}

// chart is the chart that is wanted, for this operation alone.
func (op *operation) chart(ctx context.Context) (*chart.Chart, error) {
	from := op.action.Want.Release.Chart
	chrt, err := op.fleet.shelf.take(ctx, op.fleet.Charts, from.Digest)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", from.Name, err)
	}
	return chrt, nil
}

// takeUp finishes what a process that is gone left half done: a pending revision failed, whatever it got
// to, and an uninstall is gone through with. We hold the cluster's Lease and the release, so nobody of
// ours can still be at it.
func (op *operation) takeUp(ctx context.Context) error {
	switch op.action.Have.State {
	case reconcile.Uninstalling:
		return op.uninstall(ctx)
	case reconcile.Pending:
		rel, err := op.config.Releases.Last(op.key.name)
		if err != nil {
			return err
		}
		rel.SetStatus(release.StatusFailed, "left "+rel.Info.Status.String()+" by a process that was stopped")
		return op.config.Releases.Update(rel)
	}
	return nil
}

// rollback goes back to the newest revision that was in force with other inputs, or with those that the action
// names. Where the present ones failed, that is noted on it, so that they are not tried again before they change.
func (op *operation) rollback(ctx context.Context) error {
	target := op.storage.before(op.action.Digest, op.action.Back)
	if target == 0 {
		return fmt.Errorf("there is no revision to go back to: %s", op.action.Message)
	}
	if err := op.takeUp(ctx); err != nil {
		return err
	}
	last, err := op.config.Releases.Last(op.key.name)
	if err != nil {
		return err
	}
	failed := op.action.Reason == reconcile.HasFailed
	if failed && last.Info.Status == release.StatusDeployed {
		last.SetStatus(release.StatusFailed, op.action.Message)
		if err := op.config.Releases.Update(last); err != nil {
			return err
		}
	}
	began := time.Now()
	op.storage.extra = map[string]string{markCommit: commitMark(op.action.Commit.SHA)}
	if failed {
		op.storage.extra[markAttempted] = op.action.Digest
	}
	do := action.NewRollback(op.config)
	do.Version, do.Timeout, do.MaxHistory = target, op.action.Want.Release.Timeout, op.config.Releases.MaxHistory
	if err := do.Run(op.key.name); err != nil {
		return op.discreet(err)
	}
	rel, err := op.config.Releases.Last(op.key.name)
	if err != nil {
		return err
	}
	return op.settle(ctx, rel, began)
}

// uninstall removes the release, its history and its record. What the chart says is to be kept stays.
func (op *operation) uninstall(ctx context.Context) error {
	do := action.NewUninstall(op.config)
	do.IgnoreNotFound, do.Timeout = true, op.action.Want.Release.Timeout
	if do.Timeout <= 0 {
		do.Timeout = defaultTimeout
	}
	if _, err := do.Run(op.key.name); err != nil {
		return fmt.Errorf("uninstalling: %w", err)
	}
	op.storage.revs = map[int]*stored{}
	if err := op.session.dropRecord(ctx, op.key); err != nil {
		return err
	}
	return op.seen(ctx, func() bool { return len(op.session.revisions(op.key)) == 0 })
}

// orphan takes our marks off the release and leaves everything as it is.
func (op *operation) orphan(ctx context.Context) error {
	gone := map[string]string{markOrganization: "", markRevision: ""}
	for name := range marks("", op.action) {
		gone[name] = ""
	}
	if err := op.relabel(ctx, slices.Collect(maps.Values(op.storage.revs)), gone); err != nil {
		return err
	}
	return op.session.dropRecord(ctx, op.key)
}
