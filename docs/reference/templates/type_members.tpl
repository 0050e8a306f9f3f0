{{- define "type_members" -}}
{{- if eq .Name "metadata" -}}
Name, namespace, labels and the like; see Kubernetes' own documentation.
{{- else -}}
{{ markdownRenderFieldDoc .Doc | replace "<br />" " " | replace "<" "\\<" }}
{{- end -}}
{{- end -}}
