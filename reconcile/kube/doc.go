// Package kube acts on real clusters: it watches what releases hold, lets Helm install, upgrade and remove them,
// and repairs what was edited by hand.
//
// # Edits by hand
//
// Each object of a release is watched, of most kinds no more than its metadata, and has a mark: what changes when
// somebody edits it. One whose mark is not that which was examined last is compared: the API server is asked, by
// a dry run of a server-side apply, what applying the declared object would make of it. So its defaults and its
// webhooks are in what is compared, and fields that nobody declared are not, whoever set them. What differs is
// drift, told with the field's manager, and is repaired with a JSON patch that holds only while the field is what
// was compared. An object that is gone is made again. Helm has no part in that, and custom resources are objects
// like any other.
//
// Left alone are the fields that are declared under drift.ignore, by kind and JSON pointer, and those that an
// autoscaler of Kubernetes has set, which its field manager tells; upgrades leave them alone as well. Whoever
// scales such a workload by hand takes it back from the autoscaler, and is undone. What others add to an object
// stays, as Helm has it: labels and annotations, items of lists that have keys, and keys that nobody declared. The
// items of a list without keys are one field.
//
// An object that the API server would refuse as declared, since a field is immutable or a webhook knows no dry
// run, is not compared: applying it again would not help. That an event was lost is found when everything is
// listed anew, each CheckInterval, when the marks differ from those in the record.
//
// # What a cluster is asked
//
// A cluster in which nothing happens is asked to renew the Lease, and each CheckInterval to list what is watched. A
// watch lasts as long as the server lets it, and is resumed from where it was, also when the connection broke or the
// server was away for a while. What is asked often is asked once for many releases.
//
// A cluster that does not answer, or puts us off, keeps nobody waiting but who wants something of it: each request
// ends within half a minute, is put off by 5 s at most and ten times, and is sent under no lock that somebody else
// waits for. What fails meanwhile is the cluster's fault (reconcile.ErrBusy) and is tried again once it is well.
//
// # Who may write
//
// The right to write to a cluster is a Lease in it, taken and kept by client-go's leader election. That alone lets two
// write at a time: a process that was stopped does not know what time it is. So each write passes a fence, and this is
// what may happen when, in seconds after the request was sent that last renewed the Lease:
//
//	0        15       45            55                 60
//	│ renewed again   │ no write     │ writes under way │ somebody else may
//	│                 │ is begun     │ are given up     │ take the Lease
//
// The time is the longer of what the monotonic clock and the wall clock say: one stands still while a machine sleeps, the
// other may be set. A write carries its time limit to the API server, and its body is handed out only while the Lease is
// held, which is looked at when the connection takes it: after all queues, and again where the connection begins anew.
// client-go's own retries come through the fence, too. A Lease that is given back is so after all writes are answered.
//
// What cannot be closed from here: a process that is stopped between the last look and the write to the socket, a few
// instructions, and goes on after more than 15 s; a proxy that keeps a whole request and hands it on after more than 5 s;
// clocks of two machines of which one runs a tenth faster than the other; an API server that carries on after its own
// time limit. Then Helm's storage still lets one of two make a revision, since each revision has one name, and the
// other one starts over from what is there.
//
// # Replicas
//
// Replicas share the clusters out. Each keeps a Lease in the hub that says that it lives, watches those of the others,
// and knows by rendezvous hashing of their names whose turn it is to hold a cluster's Lease. It leaves the Leases of
// others alone, and gives up one that is not its own to hold any more, after what it has in hand. A replica that was not
// heard of for as long as a Lease counts, or says that it does not reach a cluster, is left out; while the hub does not
// answer, everybody takes what is free. Nothing of this is a right: who is wrong about the others has to wait, or makes
// others wait, and no two write.
//
// Each replica watches all clusters that it reaches. What those who do not act on one cannot see for themselves stands
// there: in the records of releases, since when each is Ready, and in one ConfigMap what failed and left nothing behind.
//
// Of a cluster that some replica does not reach, whoever acts on it tells in the hub: what is there, which takes the place
// of what the others would see, and what actions would do, which they cannot find out. All else is as for other clusters:
// all have the same declarations and see the same, so that they come to the same plan, and each carries out its part. So a
// replica inside a cluster that nobody reaches from outside needs no orders, and no protocol but this. What a replica
// tells that is not heard of any more decides nothing. Times in it are by its clock.
package kube
