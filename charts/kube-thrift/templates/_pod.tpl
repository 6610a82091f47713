{{/*
The pod of a controller, for a Deployment's and for a CronJob's template:
  context, component, values (of the controller), command, args
  account               the component whose ServiceAccount it has, where that is another
  volumes, mounts, env  what this controller adds to /tmp
  files                 the text whose change restarts the pods
  sidecars              containers beside it; the API token is then mounted into the controller's container alone
*/}}
{{- define "kube-thrift.podTemplate" -}}
{{- $root := .context }}
{{- $values := .values }}
{{- $daemon := eq $values.mode "daemon" }}
{{- $sidecars := default list .sidecars }}
{{- $annotations := merge (dict) $values.podAnnotations $root.Values.commonAnnotations }}
{{- with .files }}{{ $_ := set $annotations "checksum/config" (sha256sum .) }}{{ end -}}
metadata:
  labels:
    {{- merge (fromYaml (include "kube-thrift.selectorLabels" .)) $values.podLabels $root.Values.commonLabels | toYaml | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "kube-thrift.serviceAccountName" (dict "context" $root "component" (default .component .account)) | quote }}
  automountServiceAccountToken: {{ empty $sidecars }}
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- if not $daemon }}
  restartPolicy: Never
  {{- end }}
  terminationGracePeriodSeconds: {{ int64 $values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  containers:
    - name: {{ .component }}
      image: {{ include "kube-thrift.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [{{ .command }}]
      args:
        {{- .args | nindent 8 }}
      env:
        - name: HOME
          value: /tmp
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if and $daemon $root.Values.metrics.enabled }}
      ports:
        - name: metrics
          containerPort: {{ $root.Values.metrics.port }}
          protocol: TCP
      livenessProbe:
        httpGet:
          path: /healthz
          port: metrics
        periodSeconds: 30
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet:
          path: /readyz
          port: metrics
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if $sidecars }}
        - name: api-token
          mountPath: /var/run/secrets/kubernetes.io/serviceaccount
          readOnly: true
        {{- end }}
        {{- with .mounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if $sidecars }}
    - name: api-token
      projected:
        defaultMode: 0440
        sources:
          - serviceAccountToken:
              path: token
              expirationSeconds: 3607
          - configMap:
              name: kube-root-ca.crt
              items:
                - key: ca.crt
                  path: ca.crt
          - downwardAPI:
              items:
                - path: namespace
                  fieldRef:
                    fieldPath: metadata.namespace
    {{- end }}
    {{- with .volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "kube-thrift.placement" $values }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Where pods may run, of a controller's values. */}}
{{- define "kube-thrift.placement" -}}
{{- $fields := dict }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $ $field }}{{ $_ := set $fields $field . }}{{ end }}
{{- end }}
{{- if $fields }}{{ toYaml $fields }}{{ end }}
{{- end }}

{{/* The Deployment or CronJob of a controller; takes what "kube-thrift.podTemplate" takes, and a strategy (default: Recreate). */}}
{{- define "kube-thrift.workload" -}}
{{- $root := .context }}
{{- $values := .values }}
{{- $daemon := eq $values.mode "daemon" -}}
apiVersion: {{ ternary "apps/v1" "batch/v1" $daemon }}
kind: {{ ternary "Deployment" "CronJob" $daemon }}
metadata:
  {{- include "kube-thrift.metadata" (dict "context" $root "component" .component "annotations" $values.annotations) | nindent 2 }}
spec:
  {{- if $daemon }}
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: 3
  strategy:
    type: {{ default "Recreate" .strategy }}
  selector:
    matchLabels:
      {{- include "kube-thrift.selectorLabels" . | nindent 6 }}
  template:
    {{- include "kube-thrift.podTemplate" . | nindent 4 }}
  {{- else }}
  {{- with $values.cronJob }}
  schedule: {{ $values.schedule | quote }}
  {{- with .timeZone }}
  timeZone: {{ . | quote }}
  {{- end }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {{ int64 .startingDeadlineSeconds }}
  suspend: {{ .suspend }}
  successfulJobsHistoryLimit: {{ .successfulJobsHistoryLimit }}
  failedJobsHistoryLimit: {{ .failedJobsHistoryLimit }}
  {{- end }}
  jobTemplate:
    metadata:
      labels:
        {{- include "kube-thrift.labels" . | nindent 8 }}
    spec:
      backoffLimit: {{ $values.cronJob.backoffLimit }}
      activeDeadlineSeconds: {{ int64 $values.cronJob.activeDeadlineSeconds }}
      template:
        {{- include "kube-thrift.podTemplate" . | nindent 8 }}
  {{- end }}
{{- end }}
