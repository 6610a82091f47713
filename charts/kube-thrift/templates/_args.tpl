{{/*
Command lines. Each template gives a YAML list of arguments; the kubelet expands $(NAME) in them, so that every $ that comes from a
value is doubled, which stands for itself.
*/}}

{{/*
One flag per entry of a map: --name=value, a bare --name for true, nothing for null and false, but --no-name for false where true is
the default. Lists are joined by commas.
*/}}
{{- define "kube-thrift.configArgs" -}}
{{- $args := list }}
{{- $onByDefault := list "status" }}
{{- range $flag, $value := . }}
{{- if kindIs "bool" $value }}
{{- if $value }}{{ $args = append $args (printf "--%s" $flag) }}
{{- else if has $flag $onByDefault }}{{ $args = append $args (printf "--no-%s" $flag) }}
{{- end }}
{{- else if kindIs "slice" $value }}
{{- $items := list }}
{{- range $value }}{{ $items = append $items (include "kube-thrift.scalar" .) }}{{ end }}
{{- $args = append $args (printf "--%s=%s" $flag (join "," $items | replace "$" "$$")) }}
{{- else if not (kindIs "invalid" $value) }}
{{- $args = append $args (printf "--%s=%s" $flag (include "kube-thrift.scalar" $value | replace "$" "$$")) }}
{{- end }}
{{- end }}
{{- toYaml $args }}
{{- end }}

{{/* A text or number as it was written: 1000000 is a float64 to Helm, and 1e+06 when printed. */}}
{{- define "kube-thrift.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* What daemons and single turns are told: (dict "context" $ "values" controller). */}}
{{- define "kube-thrift.modeArgs" -}}
{{- $args := list }}
{{- if eq .values.mode "cronjob" }}
{{- $args = append $args "--once" }}
{{- else if .context.Values.metrics.enabled }}
{{- $args = append $args (printf "--metrics-port=%d" (int .context.Values.metrics.port)) }}
{{- end }}
{{- toYaml $args }}
{{- end }}

{{/* Which kinds and namespaces the downscaler works on, and its calendars; the same for its turns and for restore-all. */}}
{{- define "kube-thrift.downscaler.scopeArgs" -}}
{{- $values := .Values.downscaler }}
{{- $flags := dict "include-resources" $values.includeResources }}
{{- with $values.customKinds }}{{ $_ := set $flags "custom-kinds" . }}{{ end }}
{{- with .Values.namespaces }}{{ $_ := set $flags "namespace" . }}{{ end }}
{{- $calendars := list }}
{{- range $name, $text := $values.calendars }}{{ $calendars = append $calendars (printf "%s=/etc/kube-thrift/calendars/%s" $name $name) }}{{ end }}
{{- with $calendars }}{{ $_ := set $flags "calendars" . }}{{ end }}
{{- include "kube-thrift.configArgs" $flags }}
{{- end }}

{{- define "kube-thrift.downscaler.args" -}}
{{- $values := .Values.downscaler }}
{{- $switches := dict "dry-run" $values.dryRun "enable-events" $values.events }}
{{- $args := fromYamlArray (include "kube-thrift.modeArgs" (dict "context" . "values" $values)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" $switches)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.downscaler.scopeArgs" .)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" $values.config)) }}
{{- concat $args $values.extraArgs | toYaml }}
{{- end }}

{{/* restore-all, once the controller that would put everything down again has been stopped. */}}
{{- define "kube-thrift.downscaler.restoreArgs" -}}
{{- $values := .Values.downscaler }}
{{- $resource := ternary "deployments" "cronjobs" (eq $values.mode "daemon") }}
{{- $controller := printf "%s/%s/%s" $resource .Release.Namespace (include "kube-thrift.componentName" (dict "context" . "component" "downscaler")) }}
{{- $args := list "restore-all" (printf "--stop-controller=%s" $controller) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" (dict "enable-events" $values.events))) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.downscaler.scopeArgs" .)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" $values.config)) }}
{{- concat $args $values.extraArgs | toYaml }}
{{- end }}

{{- define "kube-thrift.janitor.args" -}}
{{- $values := .Values.janitor }}
{{- $flags := dict "dry-run" $values.dryRun "include-resources" $values.includeResources }}
{{- with $values.excludeResources }}{{ $_ := set $flags "exclude-resources" . }}{{ end }}
{{- with .Values.namespaces }}{{ $_ := set $flags "include-namespaces" . }}{{ end }}
{{- if $values.rules }}{{ $_ := set $flags "rules-file" "/etc/kube-thrift/janitor/rules.yaml" }}{{ end }}
{{- with .Values.clusterName }}{{ $_ := set $flags "context-name" . }}{{ end }}
{{- $_ := set $flags "state" (printf "%s/%s" .Release.Namespace (include "kube-thrift.janitorState" .)) }}
{{- $_ := set $flags "deployment-name" (include "kube-thrift.componentName" (dict "context" . "component" "janitor")) }}
{{- $args := fromYamlArray (include "kube-thrift.modeArgs" (dict "context" . "values" $values)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" (merge (dict) $values.config $flags))) }}
{{- concat $args $values.extraArgs | toYaml }}
{{- end }}

{{- define "kube-thrift.report.args" -}}
{{- $values := .Values.report }}
{{- $flags := dict "data-path" "/var/lib/kube-thrift/data" }}
{{- $s3 := $values.storage.s3 }}
{{- if eq $values.storage.type "s3" }}{{ $_ := set $flags "publish" (printf "s3://%s/%s" $s3.bucket $s3.prefix | trimSuffix "/") }}{{ end }}
{{- if eq $values.mode "daemon" }}{{ $_ := set $flags "update-interval-minutes" $values.updateIntervalMinutes }}{{ end }}
{{- with .Values.clusterName }}{{ $_ := set $flags "default-cluster-name" . }}{{ end }}
{{- $args := fromYamlArray (include "kube-thrift.modeArgs" (dict "context" . "values" $values)) }}
{{- $args = concat $args (fromYamlArray (include "kube-thrift.configArgs" (merge (dict) $values.config $flags))) }}
{{- concat (list "/var/lib/kube-thrift/pages") $args $values.extraArgs | toYaml }}
{{- end }}
