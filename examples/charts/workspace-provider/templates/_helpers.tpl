{{/* The name of everything that makes up the provider's proxy. Never cut: see "check". */}}
{{- define "workspace-provider.name" -}}
{{ .Release.Name }}-envproxy
{{- end }}

{{/* The service account that environments run as. */}}
{{- define "workspace-provider.environments" -}}
{{ .Release.Name }}-environments
{{- end }}

{{/* The Secret with the provider's token: the chart's own, one that exists, or nothing. */}}
{{- define "workspace-provider.tokenSecret" -}}
{{- if .Values.envproxy.token -}}
{{ include "workspace-provider.name" . }}-token
{{- else -}}
{{ .Values.envproxy.tokenSecret.name }}
{{- end -}}
{{- end }}

{{/* What identifies the pods; it must never change, since a Deployment's selector cannot. */}}
{{- define "workspace-provider.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
coder.deployment: envproxy
{{- end }}

{{- define "workspace-provider.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "workspace-provider.selector" . }}
app.kubernetes.io/component: envproxy
app.kubernetes.io/part-of: coder
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The address developers reach the provider at; without one, the host in the deployment's scheme. */}}
{{- define "workspace-provider.accessURL" -}}
{{- if .Values.envproxy.accessURL -}}
{{ .Values.envproxy.accessURL }}
{{- else -}}
{{ (.Values.cemanager.accessURL | default "" | urlParse).scheme }}://{{ .Values.ingress.host }}
{{- end -}}
{{- end }}

{{/* The host of the Ingress; without one, that of the access URL. */}}
{{- define "workspace-provider.host" -}}
{{- .Values.ingress.host | default (.Values.envproxy.accessURL | default "" | urlParse).hostname -}}
{{- end }}

{{/* A changed setting rolls the pods; what podAnnotations says wins. So does, with a token among the values,
every upgrade: it may have brought a new one, and nothing that is made of a token may be shown, no hash either. */}}
{{- define "workspace-provider.podAnnotations" -}}
{{- $all := dict "checksum/config" (include "workspace-provider.settings" . | sha256sum) -}}
{{- if .Values.envproxy.token }}{{ $_ := set $all "release/revision" (toString .Release.Revision) }}{{ end -}}
{{- toYaml (merge dict (.Values.podAnnotations | default dict) $all) -}}
{{- end }}

{{/* v1 gives annotations as a list of YAML lines; out comes a map whose values are strings. */}}
{{- define "workspace-provider.ingressAnnotations" -}}
{{- $all := dict -}}
{{- range $line := .Values.ingress.additionalAnnotations -}}
{{- $pair := fromYaml $line -}}
{{- range $key, $value := $pair -}}
{{- if or (ne (len $pair) 1) (eq $key "Error") (kindIs "invalid" $value) -}}
{{- fail (printf "ingress.additionalAnnotations: %q is not of the form \"key: value\"" $line) -}}
{{- end -}}
{{- $_ := set $all $key (kindIs "string" $value | ternary $value (toJson $value)) -}}
{{- end -}}
{{- end -}}
{{- with $all }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* The settings that the provider reports to the deployment. Empty ones are left out. */}}
{{- define "workspace-provider.settings" -}}
{{- $settings := dict
  "CEMANAGER_ACCESS_URL" .Values.cemanager.accessURL
  "ENVPROXY_ACCESS_URL" (include "workspace-provider.accessURL" .)
  "CLUSTER_ADDRESS" .Values.envproxy.clusterAddress
  "CLUSTER_DOMAIN_SUFFIX" .Values.clusterDomainSuffix
  "STORAGE_CLASS" .Values.storageClassName
  "DEVURL_HOST" .Values.devurls.host
  "DEVURL_SSL_MODE" .Values.devurls.sslMode
  "SSH_ENABLED" (ternary "true" "false" (.Values.ssh.enable | default false))
  "ENVIRONMENT_SA_NAME" (include "workspace-provider.environments" .)
  "LOG_HUMAN" .Values.logging.human
  "LOG_STACKDRIVER" .Values.logging.stackdriver
  "LOG_JSON" .Values.logging.json
-}}
{{- with .Values.environments.tolerations }}{{ $_ := set $settings "ENVIRONMENT_TOLERATIONS" (toJson .) }}{{ end -}}
{{- if .Values.certs.secret.name -}}
{{- $_ := set $settings "SSL_CERT_DIR" "/etc/ssl/certs:/etc/pki/tls/certs:/etc/coder/certs" -}}
{{- end -}}
{{- range $name, $value := $settings }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
