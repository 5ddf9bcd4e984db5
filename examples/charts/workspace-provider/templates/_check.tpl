{{/* What must hold beyond values.schema.json. All that is wrong is said at once. */}}
{{- define "workspace-provider.check" -}}
{{- $wrong := list -}}
{{- if not .Values.cemanager.accessURL -}}
{{- $wrong = append $wrong "cemanager.accessURL must be set" -}}
{{- end -}}
{{- if not (or .Values.envproxy.accessURL .Values.ingress.host) -}}
{{- $wrong = append $wrong "envproxy.accessURL or ingress.host must be set" -}}
{{- end -}}
{{- if not .Values.envproxy.clusterAddress -}}
{{- $wrong = append $wrong "envproxy.clusterAddress must be set" -}}
{{- end -}}
{{- if and .Values.envproxy.token .Values.envproxy.tokenSecret.name -}}
{{- $wrong = append $wrong "envproxy.token and envproxy.tokenSecret.name must not both be set" -}}
{{- end -}}
{{- if and .Values.certs.secret.name (not .Values.certs.secret.key) -}}
{{- $wrong = append $wrong "certs.secret.key must be set with certs.secret.name" -}}
{{- end -}}
{{- $name := include "workspace-provider.name" . -}}
{{- if gt (len $name) 63 -}}
{{- $wrong = append $wrong (printf "release name %q has %d characters: at most 54, so that the Service %s-envproxy has at most 63" .Release.Name (len .Release.Name) .Release.Name) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z][a-z0-9-]*$" $name) -}}
{{- $wrong = append $wrong (printf "release name %q must begin with a letter and hold only a-z, 0-9 and -, since the Service %s is named after it" .Release.Name $name) -}}
{{- end -}}
{{- with $wrong }}{{ fail (join "; " .) }}{{ end -}}
{{- end }}
