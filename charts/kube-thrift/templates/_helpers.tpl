{{/*
Names, labels and images. What a pod looks like is in _pod.tpl, what its command line says in _args.tpl.

Most templates here take (dict "context" $ "component" "downscaler"), where the context is the root of the chart.
*/}}

{{- define "kube-thrift.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* 40 characters: the longest suffix takes 23 of the 63 that most names may have, and a CronJob may have 52. */}}
{{- define "kube-thrift.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := printf "%s-%s" .Release.Name $name }}
{{- if .Values.fullnameOverride }}
{{- $full = .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- $full = .Release.Name }}
{{- end }}
{{- if regexMatch "^[0-9]" $full }}
{{- fail (printf "release name %q: the name of a Service begins with a letter; set fullnameOverride" .Release.Name) }}
{{- end }}
{{- $full | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The name of a component's objects: FULLNAME-downscaler. */}}
{{- define "kube-thrift.componentName" -}}
{{- printf "%s-%s" (include "kube-thrift.fullname" .context) .component }}
{{- end }}

{{- define "kube-thrift.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kube-thrift.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kube-thrift.name" .context | quote }}
app.kubernetes.io/instance: {{ .context.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of an object. What a user adds never replaces a label that selectors rely on. */}}
{{- define "kube-thrift.labels" -}}
{{- $ours := fromYaml (include "kube-thrift.selectorLabels" .) }}
{{- $_ := set $ours "app.kubernetes.io/version" (include "kube-thrift.version" .context) }}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .context.Release.Service }}
{{- $_ := set $ours "app.kubernetes.io/part-of" "kube-thrift" }}
{{- $_ := set $ours "helm.sh/chart" (include "kube-thrift.chart" .context) }}
{{- merge $ours .context.Values.commonLabels | toYaml }}
{{- end }}

{{/*
The metadata of an object: (dict "context" $ "component" "downscaler"), and where they differ from the component's:
name, namespace, labels (more of them), annotations (more than commonAnnotations).
*/}}
{{- define "kube-thrift.metadata" -}}
{{- $root := .context -}}
name: {{ default (include "kube-thrift.componentName" .) .name | quote }}
namespace: {{ default $root.Release.Namespace .namespace | quote }}
labels:
  {{- merge (fromYaml (include "kube-thrift.labels" .)) (default (dict) .labels) | toYaml | nindent 2 }}
{{- with merge (dict) (default (dict) .annotations) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A label value has at most 63 characters of letters, digits, dots, dashes and underscores. */}}
{{- define "kube-thrift.version" -}}
{{- default .Chart.AppVersion .Values.image.tag | replace "+" "_" | trunc 63 | trimAll "-._" }}
{{- end }}

{{/* The ServiceAccount of a component: created here, or one that exists. */}}
{{- define "kube-thrift.serviceAccountName" -}}
{{- $account := (index .context.Values .component).serviceAccount }}
{{- if $account.create }}
{{- default (include "kube-thrift.componentName" .) $account.name }}
{{- else }}
{{- default "default" $account.name }}
{{- end }}
{{- end }}

{{/* registry/repository:tag, or registry/repository@digest, of an image block with a tag. */}}
{{- define "kube-thrift.imageOf" -}}
{{- $place := ternary (printf "%s/%s" (trimSuffix "/" .registry) .repository) .repository (ne .registry "") }}
{{- ternary (printf "%s@%s" $place .digest) (printf "%s:%s" $place .tag) (ne .digest "") }}
{{- end }}

{{- define "kube-thrift.image" -}}
{{- $image := .Values.image }}
{{- include "kube-thrift.imageOf" (dict "registry" $image.registry "repository" $image.repository "digest" $image.digest "tag" (default .Chart.AppVersion $image.tag)) }}
{{- end }}

{{/* The ConfigMap in which the janitor keeps what has to outlive its process; written by the janitor, named to it by --state. */}}
{{- define "kube-thrift.janitorState" -}}
{{- printf "%s-janitor-state" (include "kube-thrift.fullname" .) }}
{{- end }}

{{/* "true" where nginx serves the report. */}}
{{- define "kube-thrift.reportServed" -}}
{{- if and .Values.report.enabled .Values.report.nginx.enabled (ne .Values.report.storage.type "s3") }}true{{ end }}
{{- end }}

{{/* The component whose pods serve the report: the report's own, or nginx alone beside a CronJob. */}}
{{- define "kube-thrift.reportServer" -}}
{{- ternary "report" "report-web" (eq .Values.report.mode "daemon") }}
{{- end }}

{{/* The claim that holds the report. */}}
{{- define "kube-thrift.reportClaim" -}}
{{- default (printf "%s-report" (include "kube-thrift.fullname" .)) .Values.report.storage.persistentVolumeClaim.existingClaim }}
{{- end }}
