{{/* The name of the daemons: the release's, so that one namespace can hold several organizations. */}}
{{- define "provisioner.name" -}}
{{ .Values.nameOverride | default .Release.Name }}
{{- end }}

{{- define "provisioner.serviceAccount" -}}
{{ .Values.coder.serviceAccount.name | default (include "provisioner.name" .) }}
{{- end }}

{{/* What identifies the pods; it must never change, since a Deployment's selector cannot. */}}
{{- define "provisioner.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "provisioner.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "provisioner.selector" . }}
app.kubernetes.io/component: provisioner
app.kubernetes.io/part-of: coder
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The namespaces in which workspaces are built, as JSON: the release's own first, then the declared ones. */}}
{{- define "provisioner.namespaces" -}}
{{- $account := .Values.coder.serviceAccount -}}
{{- $defaults := dict
  "name" .Release.Namespace
  "workspacePerms" $account.workspacePerms
  "enableDeployments" $account.enableDeployments
  "extraRules" $account.extraRules
-}}
{{- $all := list $defaults -}}
{{- range $account.workspaceNamespaces -}}
{{- $entry := deepCopy $defaults -}}
{{- range $key, $value := (kindIs "string" . | ternary (dict "name" .) .) }}{{ $_ := set $entry $key $value }}{{ end -}}
{{- $all = append $all $entry -}}
{{- end -}}
{{- toJson $all -}}
{{- end }}

{{/* The chart's own variables, less those that coder.env names, then coder.env. */}}
{{- define "provisioner.env" -}}
{{- $daemon := .Values.provisionerDaemon -}}
{{- $own := list
  (dict "name" "CODER_URL" "value" (printf "http://coder.%s.svc.cluster.local" .Release.Namespace))
  (dict "name" "CODER_PROMETHEUS_ENABLE" "value" "true")
  (dict "name" "CODER_PROMETHEUS_ADDRESS" "value" "0.0.0.0:2112")
-}}
{{- if $daemon.keySecretName -}}
{{- $own = append $own (dict "name" "CODER_PROVISIONER_DAEMON_KEY" "valueFrom" (dict "secretKeyRef" (dict "name" $daemon.keySecretName "key" $daemon.keySecretKey))) -}}
{{- else -}}
{{- $own = append $own (dict "name" "CODER_PROVISIONER_DAEMON_PSK" "valueFrom" (dict "secretKeyRef" (dict "name" $daemon.pskSecretName "key" "psk"))) -}}
{{- end -}}
{{- $tags := list -}}
{{- range $key, $value := $daemon.tags }}{{ $tags = append $tags (printf "%s=%s" $key $value) }}{{ end -}}
{{- with $tags }}{{ $own = append $own (dict "name" "CODER_PROVISIONERD_TAGS" "value" (join "," .)) }}{{ end -}}
{{- if .Values.coder.certs.secrets -}}
{{- $own = append $own (dict "name" "SSL_CERT_DIR" "value" "/etc/ssl/certs:/etc/pki/tls/certs:/etc/coder/certs") -}}
{{- end -}}
{{- $named := dict -}}
{{- range .Values.coder.env }}{{ $_ := set $named .name true }}{{ end -}}
{{- $env := list -}}
{{- range $own }}{{ if not (hasKey $named .name) }}{{ $env = append $env . }}{{ end }}{{ end -}}
{{- toYaml (concat $env (.Values.coder.env | default list)) -}}
{{- end }}
