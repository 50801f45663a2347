{{- define "connledger.name" -}}
{{- .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "connledger.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "connledger.selector" -}}
app.kubernetes.io/name: {{ include "connledger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connledger.labels" -}}
{{ include "connledger.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "connledger.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What every container of the ledger may do: nothing but run. */}}
{{- define "connledger.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The variables by which the program finds NATS. */}}
{{- define "connledger.nats" -}}
- name: CONNLEDGER_PREFIX
  value: {{ .Values.nats.prefix | quote }}
{{- if .Values.nats.url }}
- name: CONNLEDGER_NATS_URL
  value: {{ .Values.nats.url | quote }}
{{- if .Values.nats.existingSecret }}
{{- if eq .Values.nats.login "creds" }}
- name: CONNLEDGER_NATS_CREDS
  value: /etc/connledger/nats/creds
{{- else }}
- name: CONNLEDGER_NATS_USER
  valueFrom:
    secretKeyRef: { name: {{ .Values.nats.existingSecret }}, key: user }
- name: CONNLEDGER_NATS_PASSWORD_FILE
  value: /etc/connledger/nats/password
{{- end }}
{{- end }}
{{- else }}
- name: CONNLEDGER_NATS
  value: "off"
{{- end }}
{{- end -}}

{{/* The folders with secrets; a group of the process may read them. */}}
{{- define "connledger.secretVolumes" -}}
{{- if and .Values.nats.url .Values.nats.existingSecret }}
- name: nats
  secret:
    secretName: {{ .Values.nats.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- end -}}
