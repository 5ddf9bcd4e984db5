{{/* The pod, the same in a Deployment and a StatefulSet. */}}
{{- define "reconcile.pod" -}}
metadata:
  labels:
    {{- include "reconcile.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "reconcile.account" . }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  terminationGracePeriodSeconds: 45
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.runAsUser }}
    runAsUser: {{ . | int64 }}
    runAsGroup: {{ . | int64 }}
    fsGroup: {{ . | int64 }}
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  containers:
    - name: reconcile
      image: {{ include "reconcile.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- include "reconcile.args" . | nindent 8 }}
      {{- $several := include "reconcile.several" . }}
      {{- if or .Values.env $several }}
      env:
        {{- if $several }}
        - name: POD
          valueFrom:
            fieldRef:
              apiVersion: v1
              fieldPath: metadata.name
        {{- end }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        {{- include "reconcile.ports" . | nindent 8 }}
      {{- include "reconcile.probes" . | nindent 6 }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: cache
          mountPath: /var/cache/reconcile
        {{- range $folder := include "reconcile.folders" . | splitList " " }}
        {{- if get $.Values.credentials $folder }}
        - name: credentials-{{ $folder }}
          mountPath: /etc/reconcile{{ if ne $folder "hub" }}/{{ $folder }}{{ end }}
          readOnly: true
        {{- end }}
        {{- end }}
  volumes:
    {{- if not .Values.cache.persistent }}
    - name: cache
      emptyDir:
        sizeLimit: {{ .Values.cache.size }}
    {{- else if not (include "reconcile.several" .) }}
    - name: cache
      persistentVolumeClaim:
        claimName: {{ include "reconcile.name" . }}-cache
    {{- end }}
    {{- range $folder := include "reconcile.folders" . | splitList " " }}
    {{- with get $.Values.credentials $folder }}
    - name: credentials-{{ $folder }}
      secret:
        secretName: {{ . }}
        defaultMode: 0440
        {{- if eq $folder "hub" }}
        items:
          - key: hub.kubeconfig
            path: hub.kubeconfig
        {{- end }}
    {{- end }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "reconcile.affinity" . | nindent 2 }}
{{- end }}

{{/* The credentials, in the order in which they are mounted: the others are below the hub's. */}}
{{- define "reconcile.folders" -}}
hub ca clusters forge git notify page registries webhooks
{{- end }}

{{/* Replicas keep away from each other where they can, unless somebody says where they go. */}}
{{- define "reconcile.affinity" -}}
{{- if .Values.affinity }}
affinity:
  {{- toYaml .Values.affinity | nindent 2 }}
{{- else if gt (int64 .Values.replicas) 1 }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "reconcile.selector" . | nindent 14 }}
{{- end }}
{{- end }}

{{/* Without listen.page the page is on loopback, where kubectl port-forward finds it. What asks for metrics and probes
comes from elsewhere, and without credentials; the NetworkPolicy is in front of it. */}}
{{- define "reconcile.args" -}}
- --repo={{ .Values.git.repo }}
- --ref={{ .Values.git.ref }}
- --path={{ .Values.git.path }}
- --interval={{ .Values.git.interval }}
- --credentials=/etc/reconcile
- --cache=/var/cache/reconcile
- --state-namespace={{ .Values.stateNamespace }}
- --in-cluster={{ .Values.pull.cluster | default .Values.inCluster }}
{{- if or .Values.pull.cluster (include "reconcile.several" .) }}
- --replica={{ include "reconcile.replica" . }}
{{- end }}
{{- if .Values.readOnly }}
- --read-only
{{- end }}
{{- if .Values.listen.behindProxy }}
- --behind-proxy
{{- end }}
- --listen={{ if not .Values.listen.page }}127.0.0.1{{ end }}:8080
- --metrics-listen=:9090
- --metrics-open
{{- if .Values.listen.webhooks }}
- --webhook-listen=:8081
{{- end }}
- --log-format=json
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "reconcile.ports" -}}
- name: metrics
  containerPort: 9090
  protocol: TCP
{{- if .Values.listen.page }}
- name: page
  containerPort: 8080
  protocol: TCP
{{- end }}
{{- if .Values.listen.webhooks }}
- name: webhooks
  containerPort: 8081
  protocol: TCP
{{- end }}
{{- end }}

{{/* It is ready when it has looked at everything once: that takes as long as the repository and the clusters do. It
lives as long as it answers at all; a cluster that is gone is no reason to start it again. */}}
{{- define "reconcile.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}
