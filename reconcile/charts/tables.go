package charts

// clusterScoped says whether a kind of Kubernetes itself is in no namespace. Kinds that others
// define count as namespaced unless they say otherwise.
func clusterScoped(group, kind string) bool {
	switch group + "/" + kind {
	case "/ComponentStatus", "/Namespace", "/Node", "/PersistentVolume",
		"admissionregistration.k8s.io/MutatingAdmissionPolicy",
		"admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
		"admissionregistration.k8s.io/MutatingWebhookConfiguration",
		"admissionregistration.k8s.io/ValidatingAdmissionPolicy",
		"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
		"admissionregistration.k8s.io/ValidatingWebhookConfiguration",
		"apiextensions.k8s.io/CustomResourceDefinition",
		"apiregistration.k8s.io/APIService",
		"certificates.k8s.io/CertificateSigningRequest", "certificates.k8s.io/ClusterTrustBundle",
		"flowcontrol.apiserver.k8s.io/FlowSchema", "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
		"networking.k8s.io/IPAddress", "networking.k8s.io/IngressClass", "networking.k8s.io/ServiceCIDR",
		"node.k8s.io/RuntimeClass",
		"policy/PodSecurityPolicy",
		"rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
		"resource.k8s.io/DeviceClass", "resource.k8s.io/ResourceSlice",
		"scheduling.k8s.io/PriorityClass",
		"storage.k8s.io/CSIDriver", "storage.k8s.io/CSINode", "storage.k8s.io/StorageClass",
		"storage.k8s.io/VolumeAttachment", "storage.k8s.io/VolumeAttributesClass":
		return true
	}
	return false
}

// removedIn is the version of Kubernetes that no longer serves an API; empty: it is served, or was never
// there. From kubernetes.io/docs/reference/using-api/deprecation-guide.
func removedIn(apiVersion, kind string) string {
	if apiVersion == "extensions/v1beta1" && kind == "Ingress" {
		return "1.22"
	}
	if apiVersion == "storage.k8s.io/v1beta1" && kind == "CSIStorageCapacity" {
		return "1.27"
	}
	switch apiVersion {
	case "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1":
		return "1.16"
	case "admissionregistration.k8s.io/v1beta1", "networking.k8s.io/v1beta1", "storage.k8s.io/v1beta1":
		return removedKind(kind)
	case "apiextensions.k8s.io/v1beta1", "apiregistration.k8s.io/v1beta1", "certificates.k8s.io/v1beta1",
		"coordination.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1alpha1",
		"rbac.authorization.k8s.io/v1beta1", "scheduling.k8s.io/v1beta1":
		return removedKind(kind)
	case "autoscaling/v2beta1", "batch/v1beta1", "discovery.k8s.io/v1beta1", "events.k8s.io/v1beta1",
		"node.k8s.io/v1beta1", "policy/v1beta1":
		return "1.25"
	case "autoscaling/v2beta2", "flowcontrol.apiserver.k8s.io/v1beta1":
		return "1.26"
	case "flowcontrol.apiserver.k8s.io/v1beta2":
		return "1.29"
	case "flowcontrol.apiserver.k8s.io/v1beta3":
		return "1.32"
	}
	return ""
}

// removedKind is for groups that later used v1beta1 again, for other kinds.
func removedKind(kind string) string {
	switch kind {
	case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "CustomResourceDefinition", "APIService",
		"CertificateSigningRequest", "Lease", "Ingress", "IngressClass", "Role", "RoleBinding", "ClusterRole",
		"ClusterRoleBinding", "PriorityClass", "CSIDriver", "CSINode", "StorageClass", "VolumeAttachment":
		return "1.22"
	}
	return ""
}

// unstable says whether a template function gives another result each time, or one that depends on
// the cluster: what a plan shows of it is not what will be applied.
func unstable(function string) bool {
	switch function {
	case "lookup", "now", "ago", "shuffle", "uuidv4", "htpasswd", "bcrypt", "encryptAES",
		"randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric",
		"genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
		"genSignedCert", "genSignedCertWithKey":
		return true
	}
	return false
}

// hookEvent says whether Helm knows the moment.
func hookEvent(name string) bool {
	switch name {
	case "pre-install", "post-install", "pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback",
		"pre-delete", "post-delete", "test", "test-success":
		return true
	}
	return false
}
