{{/* What must hold beyond values.schema.json. All that is wrong is said at once. */}}
{{- define "reconcile.check" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- if eq $v.only "" -}}
{{- if not $v.image.repository -}}
{{- $wrong = append $wrong "image.repository must be set: where you keep the image, which make image writes" -}}
{{- end -}}
{{- if not $v.git.repo -}}
{{- $wrong = append $wrong "git.repo must be set: the repository of the declarations" -}}
{{- end -}}
{{- if and $v.pull.cluster (not $v.credentials.hub) -}}
{{- $wrong = append $wrong "credentials.hub must be set with pull.cluster: a Secret with the key hub.kubeconfig" -}}
{{- end -}}
{{- if and $v.pull.cluster (gt (int64 $v.replicas) 1) -}}
{{- $wrong = append $wrong "replicas must be 1 with pull.cluster: they would share its replica's name" -}}
{{- end -}}
{{- end -}}
{{- if and (eq $v.only "") (include "reconcile.pageForAll" .) -}}
{{- $wrong = append $wrong "networkPolicy.pageFrom must be set to who signs people in, such as the namespace of that proxy ([{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}}]): with listen.page and listen.behindProxy the page asks nobody, and every namespace would reach it; or set listen.behindProxy=false, for the daemon to ask" -}}
{{- end -}}
{{- if and (eq $v.only "hub") (not (and $v.pull.cluster $v.pull.deployment)) -}}
{{- $wrong = append $wrong "pull.cluster and pull.deployment must be set with only=hub: rights there are on objects named after them" -}}
{{- end -}}
{{- if and $v.only (not $v.rbac.create) -}}
{{- $wrong = append $wrong (printf "rbac.create must be true with only=%s, which is rights alone" $v.only) -}}
{{- end -}}
{{- if gt (len .Release.Name) 54 -}}
{{- $wrong = append $wrong (printf "release name %q has %d characters: at most 54, so that the Service %s-webhooks has at most 63" .Release.Name (len .Release.Name) .Release.Name) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z][a-z0-9-]*$" .Release.Name) -}}
{{- $wrong = append $wrong (printf "release name %q must begin with a letter and hold only a-z, 0-9 and -, since Services are named after it" .Release.Name) -}}
{{- end -}}
{{- with $wrong }}{{ fail (join "; " .) }}{{ end -}}
{{- end }}

{{/* Whether a page that leaves it to a proxy to ask may be reached past it, from every namespace or address. */}}
{{- define "reconcile.pageForAll" -}}
{{- $v := .Values -}}
{{- if and $v.listen.page $v.listen.behindProxy $v.networkPolicy.enabled -}}
{{- if not $v.networkPolicy.pageFrom }}yes{{ end -}}
{{- range $v.networkPolicy.pageFrom -}}
{{- $namespaces := .namespaceSelector | default dict -}}
{{- if and (hasKey . "namespaceSelector") (not $namespaces.matchLabels) (not $namespaces.matchExpressions) }}yes{{ end -}}
{{- with .ipBlock }}{{ if hasSuffix "/0" (toString .cidr) }}yes{{ end }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}
