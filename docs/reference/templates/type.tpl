{{- /* The kinds themselves, then what they are made of. "Optional" is the rule
  and not said; a choice is listed with its own type; a bound such as 1e+06 is written out; "<" would begin an HTML
  element. */ -}}
{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}

### {{ $type.Name }}

{{ $type.Doc | replace "<" "\\<" }}
{{- if $type.IsAlias }}

A {{ markdownRenderTypeLink $type.UnderlyingType }}
{{- range $type.Validation }}{{ if hasPrefix "Enum: [" . }}, one of: {{ . | trimPrefix "Enum: [" | trimSuffix "]" | replace " " ", " }}{{ end }}{{ end }}.
{{- end }}
{{- if $type.References }}

In: {{ range $i, $ref := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $ref }}{{ end }}.
{{- end }}
{{- if $type.EnumValues }}

| Value | Meaning |
| --- | --- |
{{- range $type.EnumValues }}
| `{{ .Name }}` | {{ markdownRenderFieldDoc .Doc | replace "<br />" " " }} |
{{- end }}
{{- end }}
{{- if $type.Members }}

| Field | Type | Description | Default | Bounds |
| --- | --- | --- | --- | --- |
{{- if $type.GVK }}
| `apiVersion` | string | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | | |
| `kind` | string | `{{ $type.GVK.Kind }}` | | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ template "type_members" . }} | {{ with .Default }}`{{ . }}`{{ end }} | {{ template "bounds" .Validation }} |
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "bounds" -}}
{{- $said := list -}}
{{- range . -}}
{{- $rule := . -}}
{{- if or (hasPrefix "Optional:" $rule) (hasPrefix "Enum:" $rule) -}}
{{- else if hasPrefix "Required:" $rule -}}
{{- $said = append $said "required" -}}
{{- else if or (hasPrefix "Maximum:" $rule) (hasPrefix "Minimum:" $rule) -}}
{{- $parts := splitn ": " 2 $rule -}}
{{- $said = append $said (printf "%s: %d" $parts._0 ($parts._1 | float64 | int64)) -}}
{{- else if hasPrefix "Pattern:" $rule -}}
{{- $said = append $said $rule -}}
{{- else -}}
{{- $said = append $said (markdownRenderFieldDoc $rule) -}}
{{- end -}}
{{- end -}}
{{- join "<br />" $said -}}
{{- end -}}
