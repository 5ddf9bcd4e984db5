// Package admission makes what guards a provider in its cluster, also while this program does not run: from
// who may create environments there, to Kubernetes objects, and back. It is pure; those who talk to clusters
// write and read the objects.
//
// A Guard is one ValidatingAdmissionPolicy, which has the logic (policy.cel), and ConfigMaps as its
// parameters, which have all that depends on organizations. What exists already is known by its ids. They are
// many, so that each ConfigMap is a shard: it has all rules and a range of ids, and a binding of its own,
// which says that nothing passes when it is not there. One shard judges a request: that of its id.
//
// # What is judged
//
// Create and update of Pods, PersistentVolumeClaims and all built-in kinds with a pod template, in the
// provider's namespaces; no subresources, so that anybody may scale. Labels are those of the object and of
// all templates in it, also those for jobs and volumes. The first row that fits says what happens.
//
//	it is created with the probe's label, for a dry run        as a new one of that organization
//	it is created with the probe's label, in earnest           refused
//	a trusted account asks                                     passes
//	it is not an environment, and was none                     passes
//	it was one, and its recognising labels stay                passes
//	it was one, and they change                                refused
//	its parts have different ids                               refused
//	two sources say it is of different organizations           refused
//	an account alone tells whose it is, and the declared
//	label for that does not say so in each part                refused
//	its id is known to be another organization's               refused
//	it is known, as this organization's                        passes
//	the provider is cordoned                                   refused
//	it is not known whose it is                                refused, unless unknown is allow
//	its organization is allowed                                passes
//	its organization is not                                    refused
//
// Trusted are the kube controllers that make what a parent asks for, nodes, declared controllers, and we
// ourselves; never anybody for ownerReferences, which everybody can write.
//
// An environment is what a selector matches by the labels of any part, everything in an organization's own
// namespace, everything that an organization's service account asks for, and with strict everything.
//
// Whose it is say, most trusted first: the namespace, the account that asks, a declared id, the labels of a
// match, and the organization's label.
//
// Its id is the id label's value; without one, namespace and name, if the request has a name. Recognising
// labels are the keys of all selectors and matches, the id's and the organization's, but not those that say
// who has it: what was made in advance must be able to get an owner.
//
// # Known edges
//
// What has no id is known by its name, and so only as long as an object of that name is there: of an
// organization that is not allowed any more, it can be restarted, but not be made anew once it is deleted.
// Where labels alone tell organizations, everybody can claim to be of any. A probe's label means nothing on an
// update. The server copies the parameters of each shard for each request, which takes about two milliseconds;
// 50,000 environments make 16 shards.
//
// # What holds in which mode
//
// With enforcement off only the first ConfigMap stays: it is the record of who is allowed. An audit warns,
// writes to the audit log, and lets everything through, also when something is missing or goes wrong; enforced,
// everything that is missing or goes wrong refuses.
package admission
