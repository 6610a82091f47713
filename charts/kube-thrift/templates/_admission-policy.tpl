{{/*
What the admission policies accept, as regular expressions (RE2) and the words of a refusal.

Whatever the controllers accept has to be accepted here, however oddly it is written: a value refused for no reason stops somebody's deployment,
while one let through is reported by the controller itself. So whitespace is all that Python strips, letters are compared as Python compares them,
and what only the controllers know (time zones, calendars, the length of a month, limits from flags) is left to them.
*/}}
{{- define "kube-thrift.admission.patterns" -}}
{{- $s := `[\p{Z}\x09-\x0d\x1c-\x1f\x{85}]` -}}
{{- $parts := `(?:[0-9]{1,9}[smhdw])*` -}}
{{- $duration := printf `%s[0-9]{0,8}[1-9][0-9]{0,8}[smhdw]%s` $parts $parts -}}
{{- $date := `[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])` -}}
{{- $time := `[Tt ](?:[01][0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?` -}}
{{- $day := `(?i:mon|tue|wed|thu|fri|sat|sun)` -}}
{{- $days := printf `%s(?:%s*-%s*%s)?` $day $s $s $day -}}
{{- $clock := `(?:[01]?[0-9]|2[0-3]):[0-5][0-9]` -}}
{{- $hours := printf `%s%s*-%s*(?:%s|24:00)` $clock $s $s $clock -}}
{{- $zone := printf `[A-Za-z][A-Za-z0-9_+/]*(?:%s*-%s*[A-Za-z0-9_+/]+)*` $s $s -}}
{{- $field := `[A-Za-z0-9*,/#?-]+` -}}
{{- $cron := printf `(?i:cron)\(%s*(?:%s%s+){4}%s%s*\)%s*/%s*%s` $s $field $s $field $s $s $s $duration -}}
{{- $holidays := printf `(?i:holidays)\(%s*[A-Za-z0-9_.-]{1,63}%s*\)` $s $s -}}
{{- $weekly := printf `(?:%s(?:%s+%s)?|%s)` $days $s $hours $hours -}}
{{- $absolute := printf `%s%s%s*-%s*%s%s` $date $time $s $s $date $time -}}
{{- $directed := printf `(?i:from|until)%s+%s(?:%s)?` $s $date $time -}}
{{- $spec := printf `%s*(?:(?i:always|never|true|false)|(?:%s|%s|%s)(?:%s+%s)?|%s|%s)%s*,` $s $weekly $cron $holidays $s $zone $absolute $directed $s -}}
{{- $old := `\p{Nd}{4}-(?:1[0-2]|0?[1-9])-(?:3[01]|[12]\p{Nd}|0?[1-9]| [1-9])(?:[Tt](?:2[0-3]|[01]?\p{Nd}):[0-5]?\p{Nd}(?::(?:6[01]|[0-5]?\p{Nd})[Zz])?)?` -}}
{{- $ttl := printf `(?:(?i:forever)|%s)` $duration -}}
space: {{ $s | squote }}
specs: {{ printf `^(?:%s)+$` $spec | squote }}
specsOrBlank: {{ printf `^(?:%s*,|(?:%s)+)$` $s $spec | squote }}
time: {{ printf `^%s*%s(?:%s)?%s*$` $s $date $time $s | squote }}
timeOrOldTime: {{ printf `^(?:|%s*(?:%s(?:%s)?|%s)%s*)$` $s $date $time $old $s | squote }}
replicas: {{ printf `^%s*(?:[0-9]{1,9}|[01][0-9]{9}|2[01][0-9]{8}|(?:0?[0-9]{1,2}|100)%%)%s*$` $s $s | squote }}
ceiling: {{ printf `^%s*[0-9]{0,8}[1-9][0-9]{0,8}%s*$` $s $s | squote }}
boolean: {{ printf `^%s*(?i:true|false)%s*$` $s $s | squote }}
duration: {{ printf `^%s*%s%s*$` $s $duration $s | squote }}
grace: {{ printf `^%s*(?:[0-9]{0,8}[1-9][0-9]{0,8}|%s)%s*$` $s $duration $s | squote }}
wave: {{ printf `^%s*-?(?:0?[0-9]{1,3}|1000)%s*$` $s $s | squote }}
references: {{ printf `^(?:(?:%s*|[^,/]+(?:/[^,/]+){1,2}),)+$` $s | squote }}
ttl: {{ printf `^(?:|%s*%s%s*)$` $s $ttl $s | squote }}
ttls: {{ printf `^(?:%s*(?:[^,=]+=%s*%s%s*)?,)+$` $s $s $ttl $s | squote }}
{{- end }}

{{/*
The annotations of a component: which keys share a form, its pattern, whether a comma is put after the text first (so that a list is one item with its
comma, repeated), and what is said to be accepted. These are the words of the controllers' own complaints.
*/}}
{{- define "kube-thrift.admission.downscaler" -}}
- name: specs
  keys: [downscaler/uptime, downscaler/downtime, downscaler/upscale-period, downscaler/downscale-period]
  pattern: specs
  list: true
  accepted: &spec "always, never, 'Mon-Fri 08:00-18:00 Europe/Berlin', 'Fri 22:00-06:00 UTC', '2026-12-24T00:00:00Z - 2026-12-27T00:00:00Z', 'from TIME', 'until TIME', 'cron(0 20 * * 1-5)/10h Europe/Berlin', 'holidays(DE-BE) Europe/Berlin', or several of these joined by commas"
- name: forces
  keys: [downscaler/force-uptime, downscaler/force-downtime]
  pattern: specsOrBlank
  list: true
  accepted: *spec
- name: times
  keys: [downscaler/exclude-until, downscaler/up-until]
  pattern: time
  accepted: "2026-04-05, 2026-04-05 10:00, 2026-04-05T10:00, 2026-04-05T10:00:00Z or with an offset such as +02:00"
- name: replicas
  keys: [downscaler/downtime-replicas, downscaler/downscale-replicas]
  pattern: replicas
  accepted: "a whole number from 0, or on a PodDisruptionBudget a percentage such as 50%"
- name: ceilings
  keys: [downscaler/downtime-max-replicas]
  pattern: ceiling
  accepted: "a whole number from 1"
- name: switches
  keys: [downscaler/scale-children, downscaler/allow-volume-deletion]
  pattern: boolean
  accepted: "true or false"
- name: graces
  keys: [downscaler/grace-period]
  pattern: grace
  accepted: "seconds or a duration such as 10m, more than 0 and at most --grace-period"
- name: waves
  keys: [downscaler/wave]
  pattern: wave
  accepted: "a whole number from -1000 to 1000"
- name: references
  keys: [downscaler/depends-on]
  pattern: references
  list: true
  accepted: "namespace/kind/name or kind/name, several joined by commas"
- name: requests
  keys: [downscaler/up-for]
  pattern: duration
  accepted: "a duration such as 3h, more than 0 and at most 4w3d"
{{- end }}

{{- define "kube-thrift.admission.janitor" -}}
- name: lifetimes
  keys: [janitor/ttl]
  pattern: ttl
  accepted: "a number with a unit s, m, h, d or w, also joined: 90s, 3h, 1h30m, 7d; or forever; more than 0s and less than 1000 years"
- name: ends
  keys: [janitor/expires, janitor/extend-until]
  pattern: timeOrOldTime
  accepted: "2026-04-05, 2026-04-05 10:00, 2026-04-05T10:00, 2026-04-05T10:00:00Z or with an offset such as +02:00"
- name: defaults
  keys: [janitor/default-ttl]
  pattern: ttls
  list: true
  accepted: "resources with their TTL, such as deployments=7d,jobs=1d, or *=30d for every resource"
{{- end }}

{{/* Which objects carry annotations of the downscaler: the kinds it scales, in whatever group they are, those of your own, and Namespaces. */}}
{{- define "kube-thrift.admission.rules.downscaler" -}}
{{- $plurals := .Values.downscaler.includeResources }}
{{- range .Values.downscaler.customKinds }}
{{- $plurals = append $plurals (splitList "/" (splitList ":" . | first) | last) }}
{{- end }}
- apiGroups: ["*"]
  apiVersions: ["*"]
  operations: [CREATE, UPDATE]
  resources: {{ $plurals | uniq | toJson }}
- apiGroups: [""]
  apiVersions: ["*"]
  operations: [CREATE, UPDATE]
  resources: [namespaces]
{{- end }}

{{/* Which objects carry annotations of the janitor: the types it cleans up (`plural.group`), and Namespaces. */}}
{{- define "kube-thrift.admission.rules.janitor" -}}
{{- $groups := dict "" (list "namespaces") }}
{{- range .Values.janitor.includeResources }}
{{- $plural := splitList "." . | first }}
{{- $group := trimPrefix $plural . | trimPrefix "." }}
{{- $_ := set $groups $group (append (default (list) (get $groups $group)) $plural | uniq) }}
{{- end }}
{{- range $group := keys $groups | sortAlpha }}
- apiGroups: [{{ $group | quote }}]
  apiVersions: ["*"]
  operations: [CREATE, UPDATE]
  resources: {{ get $groups $group | toJson }}
{{- end }}
{{- end }}
