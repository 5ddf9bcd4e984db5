// Package reconcile is the heart of the program: it decides what has to happen so that clusters hold what is
// declared, and sees to it that it happens. It knows no git, no CUE and no Kubernetes, and imports nothing
// but the standard library; those who do serve the interfaces in ports.go.
//
//	Source ─► Target{Desired} ─┐
//	                           ├─► Decide ─► Plan ─► Previewer ─► Ready ─► Cluster.Do
//	Fleet ──► Live ────────────┘              └────► Report ─► Reporters
//
// Decide and Ready are pure: what they need of the world is in Desired and Live. Loop has the effects. Only
// its own goroutine knows any state; sources, previews and actions each run in one of their own and send
// what came out. It wakes up when one does, when a cluster changes, and when something is due; what it
// remembers is no more than the cluster and git could not tell, and losing it delays and never breaks.
//
// # What is decided for an item
//
// The first row that fits says what an action does and why. The words are those that people read.
//
//	wanted, and                                              op        reason              class
//	its cluster cannot be seen                               hold      unknown             person
//	it is not known what it should be                        hold      unknown             person
//	nothing is there                                         create    absent
//	we are at it                                             hold      locked              progress
//	its stored release cannot be read                        hold      unknown             person
//	another tool manages it                                  hold      not ours            person
//	it belongs to another deployment                         hold      not ours            person
//	it is nobody's                                           hold      not ours            person
//	it is nobody's, adopt is declared, somebody is at it     hold      not ours            person
//	it is nobody's, adopt is declared                        adopt     adopted
//	its uninstall was begun and not finished                 create    failed
//	it was left pending                                      update    failed
//	these inputs failed, a retry is asked for                update    failed
//	it was rolled back from these inputs                     hold      rolled back         person
//	these inputs failed, rollback is declared                rollback  failed
//	these inputs failed                                      update    failed
//	its newest revision is somebody else's                   update    changed
//	other inputs failed                                      update    changed
//	it has other inputs                                      update    changed
//	it is marked with another policy                         update    changed
//	it is marked with another provider                       update    changed
//	it is marked with another organization                   update    changed
//	its provider had another name before                     update    changed
//	its provider had another name before, and it is marked   keep      in sync
//	it drifted, repair is declared                           repair    drifted
//	it drifted, it was put back three times in ten minutes   hold      contested           person
//	it is healthy, it drifted                                keep      drifted
//	it is healthy                                            keep      in sync
//	it was never ready, rollback is declared                 rollback  failed
//	it was never ready, there is nothing to go back to       keep      failed
//	it is not healthy any more                               keep      failed
//	it is not healthy yet                                    hold      settling            progress
//
// What would act is held, in this order, while
//
//	it is suspended                                          hold      suspended           declared
//	it is frozen                                             hold      frozen              declared
//	it takes values from what was not looked for yet         hold      settling            progress
//	it takes values from what is not there                   hold      waiting for secret  person
//	the same inputs failed a moment ago                      hold      backing off         progress
//
// A release that is ours and not wanted any more is an orphan. Its end is what removed declares, else the
// policy that stands on it, else block.
//
//	not wanted, and                                          op        reason              class
//	it is declared forgotten, its cluster cannot be seen     -
//	it is declared forgotten                                 hold      forgotten           person
//	its cluster is not seen                                  hold      unknown             person
//	we are at its end                                        hold      locked              progress
//	its stored end cannot be read                            hold      unknown             person
//	its policy is block                                      hold      blocked             person
//	its cluster is not declared any more                     hold      undeclared cluster  person
//	it is frozen                                             hold      frozen              declared
//	its end failed a moment ago                              hold      backing off         progress
//	its environments were not counted yet                    hold      unknown             person
//	it is not known whose environments are there             hold      unrecognised        person
//	environments are there                                   hold      occupied            person
//	its policy is uninstall                                  delete    orphaned
//	its policy is orphan                                     orphan    orphaned
//	it is uninstalled, and its history was kept              -
//	it is not ours                                           -
//	only a part of what is declared is looked at             -
//
// # Who may come in
//
// A provider is guarded in its cluster by an admission policy, and each organization on its allowlist has a
// place of its own there, since each can be held on its own. What holds others (suspended, frozen, locked,
// backing off) holds these too.
//
//	it is about                                              op        reason              class
//	the guard is not there                                   create    absent
//	the guard was not put in place whole                     create    absent
//	the guard has other inputs                               update    changed
//	the guard was edited                                     repair    drifted
//	the guard is as declared                                 keep      in sync
//	it begins to enforce, environments were not counted      hold      settling            progress
//	it begins to enforce, and it is not known for whom       hold      unrecognised        person
//	its provider had another name before                     update    changed
//	its provider has another name, nothing guards that yet    -
//	its provider has another name, which is guarded          delete    orphaned
//	an organization is new on the allowlist                  create    absent
//	it comes back while the door is closed to it             update    changed
//	an organization left, its environments are there         hold      occupied            person
//	an organization left, others' environments are there     delete    orphaned
//	an organization's grant has ended                        delete    orphaned
//	an organization left, its cluster is not seen            hold      unknown             person
//	an organization left, the provider is suspended          hold      suspended           declared
//	its provider is gone, its policy is block                hold      blocked             person
//	its provider is gone, its policy is uninstall            delete    orphaned
//	its provider is gone, the release says why it stays      -
//
// Taking an organization off the allowlist closes the door to it, looks whether the cluster refuses it by
// now, and counts its environments once more. Where there are some after all, it is held, and the door stays
// closed to new ones. Environments that were made in advance belong to nobody yet and hold nothing.
//
// # Renamed providers
//
// A provider that declares former names keeps its releases, under the names that they have, unless a release
// name is declared: they only get other marks. What guarded it is written anew under its new name, with all
// whom it let in and knew, before what was there by the old name goes; in between both must let somebody in.
// Who comes or leaves by the same revision does so after that. Nothing of this counts as a deletion.
//
// # Rollouts
//
// A change makes a release, or gives it other inputs. After the above it is held, in this order, or keeps its op
// and waits. Repairs, new marks, and finishing what a process left that is gone, are no changes.
//
//	no window is open                                        hold      window              declared
//	its chart is too far from the deployment's version       hold      guarded             person
//	the new access URL was not looked at yet                 hold      settling            progress
//	the new access URL does not resolve                      hold      url not ready       person
//	the new access URL does not answer                       hold      url not ready       person
//	another deployment answers at the new access URL         hold      url not ready       person
//	the deployment does not use the new access URL yet       hold      url not ready       person
//	the new access URL is not reached from its cluster       hold      url not ready       person
//	the previous access URL is lost, its wave not begun      hold      url not ready       person
//	revert is declared, and something failed                 hold      halted              person
//	something in an earlier wave failed                      hold      halted              person
//	as many of its wave have failed as may be down           hold      halted              person
//	something in an earlier wave is not Ready yet            update    changed
//	an earlier wave was not Ready for long enough            update    changed
//	a window is open, an override counts, or it is no change keep      in sync
//	it is in place, what brought it failed elsewhere         rollback  halted
//	a previous access URL is needed and not declared         hold      url not ready       person
//
// A wave starts when all releases of those before it are Ready with what is declared, and have been for the
// soak time; what is suspended is left out. What failed, or cannot be reached, halts the later waves. Within a
// wave no more may be down than is declared. Halts, windows, soak times and a lost previous URL do not count
// while an override does.
//
// Where revert is declared, a change that does not work is taken back: what failed, and all that the same
// revision of the declarations brought, go back to what they were when everything that a revision changed was
// last Ready, and stay so until what failed is declared otherwise. What never was anything else stays.
//
// What a process that is gone left half done is finished if it is what is declared. Else it waits like any change,
// and goes back where it has to: nothing stays pending for long.
//
// The change of the access URL is derived from what is declared and what releases carry: the new one resolves,
// answers as the same deployment, and is used by it; then providers are given it, in waves; each is Ready with
// it, and no environment that ran before is gone; then the previous one may go. A provider with a URL of its
// own has no part in it. Nothing of it is remembered.
//
// # Guards
//
// Some reasons to hold a deletion are in no single item. Guards hold them, in this order, after everything
// else is decided; they never make a plan do more.
//
//	a cluster was not looked at yet                          hold      unknown             person
//	nothing is declared any more, removed does not name it   hold      guarded             person
//	it was last changed by a revision not in our history     hold      guarded             person
//	more would go than may                                   hold      guarded             person
//
// Where deployment.pullRequests.required is declared, what a revision calls for and the plan that was shown on its
// pull request does not say is held too (guarded), whatever it is; see Bound.
//
// The first and the last of the table hold all deletions of a plan. How many may go is the smaller of both declared
// limits, but at least one; counted are the providers, by organization where there is a release for each,
// that a plan would take away, with those that went for the same revision or within the hour. While a
// raised limit is declared it counts instead, and the history is not asked.
//
// # Order
//
// Order is not a hold: what comes after something else keeps its op, and After says what must be in place
// before, which is installed as declared and well. A release that moved to another cluster or namespace is
// taken away after the new one is in place. In each cluster, what gives comes before what takes away,
// lower waves first, deletions one at a time; as many releases are worked on at once as are declared.
// In all clusters together these are 32, shared out evenly among the clusters that have something to do, at least
// one to each. A cluster that does not answer keeps its own share waiting, and takes nothing of another's.
//
// Nothing here waits for readiness. An action ends when Helm has, and whether it worked is what the next
// look says: until then its release is settling. A release in hand is locked to the plan.
//
// # Trying again
//
// What failed is tried again after 5 s, then after twice as long each time, 5 min at most, a fifth more or
// less. Other inputs are tried at once, and so is what somebody asks for. What cannot be rendered has failed;
// what somebody else outran (ErrFenced, ErrMoved) has not, and is looked at anew in a moment. What failed since its
// cluster did not answer, or was too busy to (ErrBusy), is tried again 5 s after that answers as it should.
//
// A field that was put back three times within ten minutes is contested, and is left as somebody else wants it
// until the first of these repairs is ten minutes ago, somebody asks to try again, or other inputs are declared.
// Other fields of the release are repaired meanwhile. Of what guards providers nothing is contested: a repair
// of that which somebody undoes at once is made again, three times; then it waits like what failed.
//
// # What stays with others
//
// What charts make of values (package charts, in a worker), the contents of Secrets (whoever carries an
// action out), which process may act on a cluster (its Lease, which Cluster checks before each write), and
// the telling (package status).
package reconcile
