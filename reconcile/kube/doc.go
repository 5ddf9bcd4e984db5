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
package kube
