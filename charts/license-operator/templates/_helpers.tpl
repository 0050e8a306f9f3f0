{{- define "license-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /*
The name of most objects, short enough for suffixes. A release may have dots in
its name and begin with a digit; a Service may not.
*/ -}}
{{- define "license-operator.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride }}
{{- $name := .Release.Name }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if not (contains $chart .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name $chart }}
{{- end }}
{{- $name = regexReplaceAll "^([0-9])" (replace "." "-" $name) "r${1}" }}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "license-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "license-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name must be set where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "license-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "license-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "license-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "license-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "license-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The operator's command line, one argument a line. */ -}}
{{- define "license-operator.args" -}}
- serve
- --listen-address=:8443
- --health-address=:8081
- --metrics-address=:8080
- --service-name={{ include "license-operator.fullname" . }}
- --keys-secret={{ .Values.keys.secretName }}
{{- if .Values.keys.acceptNewIdentity }}
- --accept-new-identity=true
{{- end }}
- --tls-secret={{ .Values.tls.secretName }}
{{- with .Values.tls.dnsNames }}
- --tls-dns-names={{ join "," . }}
{{- end }}
{{- with .Values.tls.ipAddresses }}
- --tls-ip-addresses={{ join "," . }}
{{- end }}
{{- if .Values.tls.certificateSecretName }}
- --tls-cert-file=/etc/license-operator/tls/tls.crt
- --tls-key-file=/etc/license-operator/tls/tls.key
{{- end }}
{{- with .Values.endpoint.pathPrefix }}
- --path-prefix={{ . }}
{{- end }}
{{- if .Values.endpoint.publicURL }}
- --public-url={{ .Values.endpoint.publicURL }}
{{- else if ne (int64 .Values.service.port) 443 }}
- --public-url=https://{{ include "license-operator.fullname" . }}.{{ .Release.Namespace }}.svc:{{ int64 .Values.service.port }}{{ .Values.endpoint.pathPrefix }}
{{- end }}
- --link-lifetime={{ int64 .Values.endpoint.linkLifetimeHours }}h
- --allow-signature-version-0={{ .Values.endpoint.allowSignatureVersion0 }}
- --allow-signature-version-1={{ .Values.endpoint.allowSignatureVersion1 }}
- --caller-rate={{ .Values.endpoint.callerRate }}
- --caller-burst={{ int64 .Values.endpoint.callerBurst }}
- --anonymous-rate={{ .Values.endpoint.anonymousRate }}
- --anonymous-burst={{ int64 .Values.endpoint.anonymousBurst }}
- --api-rate={{ .Values.apiServer.rate }}
- --api-burst={{ int64 .Values.apiServer.burst }}
- --ledger-write-rate={{ int64 .Values.seats.ledgerWriteBytesPerSecond }}
- --max-checkouts={{ int64 .Values.seats.maxCheckouts }}
- --projection-rate={{ .Values.seats.projectionsPerSecond }}
- --max-clock-skew={{ int64 .Values.seats.maxClockSkewSeconds }}s
{{- with .Values.webhooks.allowCIDRs }}
- --webhook-allow-cidrs={{ join "," . }}
{{- end }}
{{- if .Values.webhooks.caSecretName }}
- --webhook-ca-file=/etc/license-operator/webhook-ca/ca.crt
{{- end }}
- --shutdown-delay={{ int64 .Values.shutdownDelaySeconds }}s
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- end }}

{{- /* Where the replicas go: apart from each other if the cluster has room. */ -}}
{{- define "license-operator.topologySpreadConstraints" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "license-operator.selectorLabels" $ | nindent 6 }}
  matchLabelKeys:
  - pod-template-hash
{{- end }}
{{- end }}
