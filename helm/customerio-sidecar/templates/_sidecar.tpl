{{/* What a Pod needs to have the sidecar in it. Every template takes the context of this chart. */}}

{{- define "customerio-sidecar.name" -}}
{{ printf "%s-customerio-sidecar" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "customerio-sidecar.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "customerio-sidecar.image" -}}
{{- with .Values.image.digest -}}
{{ $.Values.image.repository }}@{{ . }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "customerio-sidecar.config" -}}
{{ toYaml .Values.config }}
{{- end }}

{{/* An item of a Pod's initContainers. */}}
{{- define "customerio-sidecar.container" -}}
name: customerio-sidecar
image: {{ include "customerio-sidecar.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
# A native sidecar: it is up before the application starts, and is stopped after it has ended. It needs no preStop.
restartPolicy: Always
ports:
  - name: cio-admin
    containerPort: {{ .Values.config.admin.port | int }}
    protocol: TCP
# The application's start waits for this one.
startupProbe:
  httpGet: {path: /healthz, port: cio-admin}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: cio-admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: cio-admin}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
  privileged: false
  readOnlyRootFilesystem: true
  runAsGroup: 65532
  runAsNonRoot: true
  runAsUser: 65532
  seccompProfile:
    type: RuntimeDefault
volumeMounts:
  - name: customerio-sidecar-config
    mountPath: /etc/cio-sidecar
    readOnly: true
  - name: customerio-sidecar-keys
    mountPath: /run/secrets/customerio
    readOnly: true
{{- end }}

{{/* The items of a Pod's volumes that the container mounts. */}}
{{- define "customerio-sidecar.volumes" -}}
- name: customerio-sidecar-config
  configMap:
    name: {{ include "customerio-sidecar.name" . }}
- name: customerio-sidecar-keys
  secret:
    secretName: {{ .Values.existingSecret }}
{{- end }}

{{/* The configuration without what a running sidecar takes by itself (docs/reload.md; a test compares it with the program). */}}
{{- define "customerio-sidecar.fixedConfig" -}}
{{- $config := .Values.config -}}
{{- $outbound := omit ($config.outbound | default dict) "unknown_endpoints" "hosts" "callers" "limits" "drain" -}}
{{- with $outbound.tls -}}
{{- $_ := set $outbound "tls" (omit . "certificate" "key") -}}
{{- end -}}
{{- $fixed := omit $config "credentials" "stores" "policy" "outbound" "admin" "limits" "delivery" "logs" -}}
{{- $_ := set $fixed "outbound" $outbound -}}
{{- $_ := set $fixed "admin" (omit ($config.admin | default dict) "token") -}}
{{- $_ := set $fixed "limits" (omit ($config.limits | default dict) "replicas" "buckets" "wait_seconds") -}}
{{- $_ := set $fixed "delivery" (omit ($config.delivery | default dict) "timeouts" "connections") -}}
{{- $_ := set $fixed "logs" (omit ($config.logs | default dict) "level") -}}
{{ toJson $fixed }}
{{- end }}

{{/* A Pod's annotations: a configuration that needs a restart makes new Pods. */}}
{{- define "customerio-sidecar.annotations" -}}
checksum/customerio-sidecar: {{ include "customerio-sidecar.fixedConfig" . | sha256sum }}
{{- end }}

{{/* What the sidecar's own end takes, in whole seconds; to be added to the application's. */}}
{{- define "customerio-sidecar.stopSeconds" -}}
{{- $drain := .Values.config.outbound.drain -}}
{{ add (ceil $drain.accept_seconds) (ceil $drain.finish_seconds) 5 }}
{{- end }}
