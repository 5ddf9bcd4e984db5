{{/* What must hold beyond values.schema.json. All that is wrong is said at once. */}}
{{- define "provisioner.check" -}}
{{- $wrong := list -}}
{{- $daemon := .Values.provisionerDaemon -}}
{{- if and $daemon.keySecretName $daemon.tags -}}
{{- $wrong = append $wrong "provisionerDaemon.keySecretName and provisionerDaemon.tags must not both be set: a key has its own tags" -}}
{{- end -}}
{{- if and $daemon.keySecretName $daemon.pskSecretName (ne $daemon.pskSecretName "coder-provisioner-psk") -}}
{{- $wrong = append $wrong "provisionerDaemon.keySecretName and provisionerDaemon.pskSecretName must not both be set" -}}
{{- end -}}
{{- if not (or $daemon.keySecretName $daemon.pskSecretName) -}}
{{- $wrong = append $wrong "provisionerDaemon.keySecretName or provisionerDaemon.pskSecretName must be set" -}}
{{- end -}}
{{- $seen := dict -}}
{{- range (include "provisioner.namespaces" . | fromJsonArray) -}}
{{- if hasKey $seen .name -}}
{{- $wrong = append $wrong (printf "coder.serviceAccount.workspaceNamespaces: %q is listed twice or is the namespace of the release" .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- with $wrong }}{{ fail (join "; " .) }}{{ end -}}
{{- end }}
