{{/*
Roles, computed from the enabled kinds, rules and namespaces. Which right is needed under which conditions is in files/rights.yaml, which is
made from the controllers' own tables; here are only the conditions, as the values say them.

An account is a dict of places (a namespace, or "" for the whole cluster) to rights ("group resource name" to a dict of verbs).
*/}}

{{/*
Adds to .account what a table calls for: context, table, holds (list of conditions), types (list of group and resource), names (dict of
word to list of names), places (dict of where to list of namespaces), account.
*/}}
{{- define "kube-thrift.rbac.grant" -}}
{{- $this := . }}
{{- range $right := concat .table.rights .table.each }}
{{- $holds := true }}
{{- range $right.when }}{{ if not (has . $this.holds) }}{{ $holds = false }}{{ end }}{{ end }}
{{- $types := $this.types }}
{{- if $right.resource }}{{ $types = list $right }}{{ end }}
{{- if not $holds }}{{ $types = list }}{{ end }}
{{- range $type := $types }}
{{- $names := list "" }}
{{- with $right.only }}{{ $names = default list (index $this.names .) }}{{ end }}
{{- range $name := $names }}
{{- $key := printf "%s %s %s" $type.group $type.resource $name }}
{{- range $place := default list (index $this.places $right.where) }}
{{- range $verb := $right.verbs }}
{{- if not (hasKey $this.account $place) }}{{ $_ := set $this.account $place dict }}{{ end }}
{{- $rights := index $this.account $place }}
{{- if not (hasKey $rights $key) }}{{ $_ := set $rights $key dict }}{{ end }}
{{- $_ := set (index $rights $key) $verb true }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The rights of .account that no wider one covers, as YAML: what holds in the whole cluster, for every object, or for everything, need not be
said again. Rights in .beyond, another account, are taken for granted.
*/}}
{{- define "kube-thrift.rbac.pruned" -}}
{{- $this := . }}
{{- $pruned := dict }}
{{- range $place, $rights := .account }}
{{- $left := dict }}
{{- range $key, $verbs := $rights }}
{{- $parts := splitList " " $key }}
{{- $every := printf "%s %s " (index $parts 0) (index $parts 1) }}
{{- range $verb := keys $verbs }}
{{- $covered := or (dig "" $key $verb false $this.beyond) (dig $place $key $verb false $this.beyond) }}
{{- range $wider := list $key $every "* * " }}
{{- range $account := list $this.account $this.beyond }}
{{- if and (ne $place "") (dig "" $wider $verb false $account) }}{{ $covered = true }}{{ end }}
{{- if and (ne $wider $key) (dig $place $wider $verb false $account) }}{{ $covered = true }}{{ end }}
{{- end }}
{{- end }}
{{- if not $covered }}{{ $_ := set $left $key (merge (dict $verb true) (default dict (index $left $key))) }}{{ end }}
{{- end }}
{{- end }}
{{- if $left }}{{ $_ := set $pruned $place $left }}{{ end }}
{{- end }}
{{- toYaml $pruned }}
{{- end }}

{{/* The rules of one place: types with the same verbs share one. */}}
{{- define "kube-thrift.rbac.rules" -}}
{{- $shared := dict }}
{{- range $key, $verbs := . }}
{{- $parts := splitList " " $key }}
{{- $same := printf "%s %s %s" (index $parts 0) (index $parts 2) (keys $verbs | sortAlpha | join ",") }}
{{- $_ := set $shared $same (append (default list (index $shared $same)) (index $parts 1)) }}
{{- end }}
{{- range $same, $resources := $shared }}
{{- $parts := splitList " " $same }}
- apiGroups: [{{ index $parts 0 | quote }}]
  resources: {{ $resources | toJson }}
  verbs: {{ index $parts 2 | splitList "," | toJson }}
  {{- with index $parts 1 }}
  resourceNames: [{{ . | quote }}]
  {{- end }}
{{- end }}
{{- end }}

{{/*
The roles and bindings of an account: context, component, account; and where there are such: beyond (an account whose rights it has, too),
accountOf (the component whose ServiceAccount it is), annotations, extra (more rules, in the places of work).
*/}}
{{- define "kube-thrift.rbac.roles" -}}
{{- $this := . }}
{{- $root := .context }}
{{- $name := default (include "kube-thrift.componentName" .) .name }}
{{- $account := include "kube-thrift.serviceAccountName" (dict "context" $root "component" (default .component .accountOf)) }}
{{- range $place, $rights := fromYaml (include "kube-thrift.rbac.pruned" (dict "account" .account "beyond" (default dict .beyond))) }}
{{- $kind := ternary "Role" "ClusterRole" (ne $place "") }}
{{- $metadata := include "kube-thrift.rbac.metadata" (merge (dict "name" $name "place" $place) $this) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- $metadata | nindent 2 }}
rules:
  {{- include "kube-thrift.rbac.rules" $rights | trim | nindent 2 }}
  {{- if and $this.extra (or (eq $place "") (has $place $root.Values.namespaces)) }}
  {{- toYaml $this.extra | nindent 2 }}
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ $account | quote }}
    namespace: {{ $root.Release.Namespace | quote }}
{{- end }}
{{- end }}

{{/* What a ClusterRole has no namespace in. */}}
{{- define "kube-thrift.rbac.metadata" -}}
{{- $metadata := fromYaml (include "kube-thrift.metadata" .) }}
{{- if .place }}{{ $_ := set $metadata "namespace" .place }}{{ else }}{{ $_ := unset $metadata "namespace" }}{{ end }}
{{- toYaml $metadata }}
{{- end }}

{{/* The conditions that are about namespaces, and where work is done: (dict "context" $ "holds" list), as YAML with holds and places. */}}
{{- define "kube-thrift.rbac.scope" -}}
{{- $root := .context }}
{{- $namespaces := default (list "") $root.Values.namespaces }}
{{- $named := not (empty $root.Values.namespaces) }}
{{- toYaml (dict
  "holds" (append .holds (ternary "named" "wide" $named))
  "places" (dict "work" $namespaces "cluster" (list "") "own" (list $root.Release.Namespace))
) }}
{{- end }}

{{/* Conditions that hold while one of some types is in scope: (dict "table" table "types" list of names), as a YAML list. */}}
{{- define "kube-thrift.rbac.inScope" -}}
{{- $types := .types }}
{{- $found := list }}
{{- range $condition, $of := .table.inScope }}
{{- range $of }}{{ if has . $types }}{{ $found = append $found $condition }}{{ end }}{{ end }}
{{- end }}
{{- uniq $found | toYaml }}
{{- end }}
