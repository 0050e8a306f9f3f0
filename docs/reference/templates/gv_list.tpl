{{- define "gvList" -}}
{{- $groupVersions := . -}}
<!-- Generated from api/ by crd-ref-docs. Do not edit. -->
# API reference

All fields of all kinds. What each kind is for, and what its conditions mean,
is in [the pages of the kinds](../kinds).
{{ range $groupVersions }}
{{ template "gvDetails" . }}
{{- end }}
{{ end -}}
