# One image for the three controllers and the umbrella command: the locked dependencies, the wheel, and the bill of materials.
#
#     docker build --tag kube-thrift .
#     docker build --target sbom --output type=local,dest=. .                   the bill of materials alone
#     docker build --secret id=pip-conf,src=$HOME/.config/pip/pip.conf .        with an index or a mirror of your own
#
# Two builds of one commit on one base image have the same layers; docs/install-without-helm.md says how to build for that.
# Layers of the first stage are not shipped, so that each step there may be one of its own.
# hadolint global ignore=DL3059

# By name, or by digest: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Seconds since 1970: the time that our files carry. A release gives the time of its commit. The wheel, a zip file, cannot be older than 1980.
ARG SOURCE_DATE_EPOCH=315532800
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0
WORKDIR /build

# Two environments, neither with pip: the one that is shipped, and the one that only builds.
RUN python3 -m venv --without-pip /opt/kube-thrift
RUN python3 -m venv --without-pip /opt/build-tools
COPY requirements.lock requirements-build.lock ./
RUN --mount=type=secret,id=pip-conf,target=/etc/pip.conf,required=false \
    python3 -m pip --python /opt/kube-thrift/bin/python install --no-deps --require-hashes --only-binary=:all: --requirement requirements.lock
RUN --mount=type=secret,id=pip-conf,target=/etc/pip.conf,required=false \
    python3 -m pip --python /opt/build-tools/bin/python install --no-deps --require-hashes --only-binary=:all: --requirement requirements-build.lock

COPY . .
RUN python3 -m pip --python /opt/build-tools/bin/python wheel --no-deps --no-build-isolation --no-index --wheel-dir dist .
RUN python3 -m pip --python /opt/kube-thrift/bin/python install --no-deps --no-index --find-links dist kube-thrift
# The image breaks here, not in somebody's cluster, where a dependency is missing.
RUN /opt/kube-thrift/bin/kube-downscaler --help
RUN /opt/kube-thrift/bin/kube-janitor --help
RUN /opt/kube-thrift/bin/kube-resource-report --help
RUN /opt/kube-thrift/bin/kube-thrift --help
RUN /opt/kube-thrift/bin/kubectl-thrift --help

# CycloneDX, of what is shipped: every Python distribution with version, licence, package URL and what it depends on. Nothing random is in it.
RUN mkdir -p /image/opt /image/usr/share/sbom
RUN /opt/build-tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
    --spec-version 1.6 --output-format JSON --output-file /image/usr/share/sbom/kube-thrift.cdx.json /opt/kube-thrift/bin/python

# Bytecode that is not compared with the time of its source: the file system of a pod is read-only, and the times are all alike.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/kube-thrift/lib
RUN mv /opt/kube-thrift /image/opt/kube-thrift
RUN find /image -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM scratch AS sbom
COPY --from=build /image/usr/share/sbom/ /

FROM ${PYTHON_IMAGE} AS image
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="kube-thrift" \
      org.opencontainers.image.description="Stop paying for idle Kubernetes: off-hours scaling, TTL clean-up and a cost report per team" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
# Nothing is written below /: `HOME` is where a volume for temporary files is mounted when the root file system is read-only.
ENV PATH=/opt/kube-thrift/bin:${PATH} \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that the kubelet can check runAsNonRoot; it has no entry in /etc/passwd and owns no file.
USER 65532:65532
# No entry point: a pod names kube-downscaler, kube-janitor, kube-resource-report or kube-thrift as its command.
CMD ["kube-thrift", "--help"]
