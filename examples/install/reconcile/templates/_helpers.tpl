{{/* The name of everything that is in a namespace. Never cut: see "check". */}}
{{- define "reconcile.name" -}}
{{ .Release.Name }}
{{- end }}

{{/* The name of what is in no namespace: two releases of one name must not share it. */}}
{{- define "reconcile.wide" -}}
{{ .Release.Namespace }}:{{ .Release.Name }}
{{- end }}

{{- define "reconcile.account" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{/* What identifies the pods; it must never change, since a Deployment's selector cannot. */}}
{{- define "reconcile.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "reconcile.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "reconcile.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "reconcile.metadata" -}}
name: {{ include "reconcile.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "reconcile.labels" . | nindent 2 }}
{{- end }}

{{- define "reconcile.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion | replace "+" "_" }}{{ end -}}
{{- end }}

{{/* Whether the daemon is one of several that have to know of each other by names that stay: those of the pods of a
StatefulSet. One that acts on a cluster alone has a name of its own. */}}
{{- define "reconcile.several" -}}
{{- if and (not .Values.pull.cluster) (or .Values.pull.others (gt (int64 .Values.replicas) 1)) }}yes{{ end -}}
{{- end }}

{{- define "reconcile.workload" -}}
{{ if include "reconcile.several" . }}statefulset{{ else }}deployment{{ end }}/{{ include "reconcile.name" . }}
{{- end }}

{{/* Our name among the replicas of a deployment. */}}
{{- define "reconcile.replica" -}}
{{- if .Values.pull.cluster }}{{ .Values.pull.replica | default .Values.pull.cluster }}{{ else }}$(POD){{ end -}}
{{- end }}

{{/* A subject of a binding: the account that this release makes. */}}
{{- define "reconcile.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "reconcile.account" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}
