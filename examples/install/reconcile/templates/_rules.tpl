{{/* The rights of the daemon. Each is used, and nothing else is asked for: cmd/reconcile compares them with the audit
log of an API server. Who may ask what he may do himself, which the plan does, is anybody who is signed in
(system:basic-user). */}}

{{/* What is watched, which is possible in all namespaces alone. */}}
{{- define "reconcile.rules.watch" -}}
- apiGroups: [""]
  resources: [secrets] # Helm's releases, and what values come from
  verbs: [list, watch]
- apiGroups: [""]
  resources: [configmaps] # records, freezes, parameters of guards; get: else nobody may write a policy with parameters
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims] # of environments
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments, statefulsets] # of environments
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events] # of what is not well, for whoever looks at its page
  verbs: [list]
- apiGroups: [""]
  resources: [resourcequotas] # how full they are, as a metric
  verbs: [list]
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingadmissionpolicies, validatingadmissionpolicybindings] # guards
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get{{ if not .Values.rbac.namespaces }}, create{{ end }}]
{{- if .Values.rbac.risks }}
- apiGroups: [storage.k8s.io]
  resources: [storageclasses] # whether there is the one that a chart asks for
  verbs: [list]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions] # whether those of a chart are older there
  verbs: [get]
{{- end }}
{{- range .Values.rbac.charts }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }} # of providers
  verbs: [list, watch{{ if and .clusterScoped $.Values.rbac.namespaces }}, get, create, patch, delete{{ end }}]
{{- end }}
{{- end }}

{{/* What is done in the namespaces of providers. */}}
{{- define "reconcile.rules.act" -}}
- apiGroups: [""]
  resources: [secrets] # Helm's releases; patch: marks on them
  verbs: [get, create, update, patch, delete]
- apiGroups: [""]
  resources: [configmaps] # records beside releases
  verbs: [create, patch, delete]
- apiGroups: [""]
  resources: [pods] # dry runs, which ask whether a door is closed
  verbs: [create]
{{- range .Values.rbac.charts }}
{{- if not (and .clusterScoped $.Values.rbac.namespaces) }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }} # of providers
  verbs: [get, create, patch, delete]
{{- end }}
{{- end }}
{{- if .Values.rbac.lookInside }}
- apiGroups: [batch]
  resources: [jobs] # that look at a new access URL from inside
  verbs: [get, create, delete]
{{- end }}
{{- with .Values.rbac.grants }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What is done in stateNamespace. */}}
{{- define "reconcile.rules.state" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases] # the right to act on the cluster
  verbs: [get, create, update]
{{- if and .Values.rbac.namespaces (not (has .Values.stateNamespace .Values.rbac.namespaces)) }}
- apiGroups: [""]
  resources: [configmaps] # parameters of guards, what failed, what organizations may choose from
  verbs: [create, patch, delete]
{{- end }}
{{- end }}

{{/* What replicas need in stateNamespace of the hub to know of each other. */}}
{{- define "reconcile.rules.replicas" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases] # one for each replica
  verbs: [list, watch, patch, delete]
{{- end }}

{{/* What a replica needs at the hub that acts on one cluster alone. */}}
{{- define "reconcile.rules.hub" -}}
{{- $owner := printf "reconcile-%s" .Values.pull.deployment -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases] # which replicas there are
  verbs: [list, watch]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ $owner }}.replica.{{ include "reconcile.replica" . }}] # that it lives
  verbs: [create, patch, delete]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ $owner }}.statuses] # who speaks for all
  verbs: [get]
- apiGroups: [""]
  resources: [configmaps] # what others tell
  verbs: [list, watch]
- apiGroups: [""]
  resources: [configmaps] # what it tells
  resourceNames: [{{ $owner }}.state.{{ .Values.pull.cluster }}, {{ $owner }}.previews.{{ .Values.pull.cluster }}]
  verbs: [create, patch]
{{- end }}
