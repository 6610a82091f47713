{{/*
nginx for the report: its configuration and its container. It reads the pages, writes to its own /tmp only, and holds no API token.
*/}}

{{- define "kube-thrift.nginx.config" -}}
{{- $values := .Values.report.nginx -}}
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections 512;
}

http {
  types {
    text/html html;
    text/css css;
    text/javascript js;
    text/plain txt;
    text/tab-separated-values tsv;
    text/csv csv;
    application/json json;
    application/vnd.apache.parquet parquet;
    image/svg+xml svg;
    image/png png;
  }
  default_type application/octet-stream;
  charset utf-8;
  charset_types text/html text/css text/javascript text/plain text/tab-separated-values text/csv application/json image/svg+xml;

  access_log /dev/stdout;
  server_tokens off;
  sendfile on;
  keepalive_timeout 65;

  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  client_max_body_size 1k;

  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_min_length 1024;
  gzip_types text/css text/javascript text/plain text/tab-separated-values text/csv application/json image/svg+xml;

  server {
    listen {{ $values.port }};
    {{- if $values.ipv6 }}
    listen [::]:{{ $values.port }};
    {{- end }}
    root /var/lib/kube-thrift/pages;
    disable_symlinks on from=$document_root;
    autoindex off;

    # Pages change with every report; the browser asks whether they have.
    add_header Cache-Control "no-cache" always;
    add_header Content-Security-Policy {{ $values.contentSecurityPolicy | quote }} always;
    add_header Cross-Origin-Opener-Policy "same-origin" always;
    add_header Cross-Origin-Resource-Policy "same-origin" always;
    add_header Permissions-Policy "camera=(), geolocation=(), microphone=()" always;
    add_header Referrer-Policy "no-referrer" always;
    add_header X-Content-Type-Options "nosniff" always;
    add_header X-Frame-Options "DENY" always;

    if ($request_method !~ ^(GET|HEAD)$) {
      return 405;
    }
    location = /healthz {
      access_log off;
      default_type text/plain;
      return 200 "ok\n";
    }
    # The report's own list of what it wrote.
    location ~ /\. {
      return 404;
    }
    location = / {
      try_files /index.html =503;
    }
    location / {
      try_files $uri =404;
    }
  }
}
{{- end }}

{{/* The ConfigMap with it. */}}
{{- define "kube-thrift.nginx.configName" -}}
{{- printf "%s-report-nginx" (include "kube-thrift.fullname" .) }}
{{- end }}

{{- define "kube-thrift.nginx.volumes" -}}
- name: nginx-tmp
  emptyDir: {}
- name: nginx-config
  configMap:
    name: {{ include "kube-thrift.nginx.configName" . | quote }}
{{- end }}

{{- define "kube-thrift.nginx.container" -}}
{{- $values := .Values.report.nginx -}}
name: nginx
image: {{ include "kube-thrift.imageOf" $values.image | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
# Not the image's own entry point, which edits files in a root file system that is read-only here.
command: [nginx, -e, /dev/stderr, -c, /etc/kube-thrift/nginx/nginx.conf, -g, daemon off;]
ports:
  - name: http
    containerPort: {{ $values.port }}
    protocol: TCP
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 30
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
securityContext:
  {{- merge (dict "runAsUser" $values.runAsUser "runAsGroup" $values.runAsUser) .Values.securityContext | toYaml | nindent 2 }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
volumeMounts:
  - name: nginx-tmp
    mountPath: /tmp
  - name: nginx-config
    mountPath: /etc/kube-thrift/nginx
    readOnly: true
  - name: report
    mountPath: /var/lib/kube-thrift/pages
    subPath: pages
    readOnly: true
{{- end }}
