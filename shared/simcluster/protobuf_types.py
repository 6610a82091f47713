"""Field numbers of the Kubernetes API's protobuf messages, for the kinds that clients send in that encoding. Pure.

One line per message: `number name type`. `*` before a type: repeated; `?` after it: a pointer, kept even when it is zero; `map`
in front: a map from strings; `^` before it: inlined in JSON. Source: the generated protobuf definitions published with the
Kubernetes API types.
"""

from __future__ import annotations

import msgspec


class Field(msgspec.Struct, frozen=True):
    """One field of a message."""

    name: str
    type: str
    repeated: bool = False
    pointer: bool = False
    map: bool = False
    inline: bool = False


_TYPES = {"s": "string", "i": "int", "b": "bool", "y": "bytes", "I": "IntOrString", "T": "Time", "Q": "Quantity"}

_SPECS = {
    "Unknown": "1 typeMeta TypeMeta, 2 raw y",
    "TypeMeta": "1 apiVersion s, 2 kind s",
    "ObjectMeta": (
        "1 name s, 2 generateName s, 3 namespace s, 5 uid s, 6 resourceVersion s, 7 generation i, 8 creationTimestamp T, 11 "
        "labels map s, 12 annotations map s, 13 ownerReferences *OwnerReference, 14 finalizers *s"
    ),
    "OwnerReference": "1 kind s, 3 name s, 4 uid s, 5 apiVersion s, 6 controller b?, 7 blockOwnerDeletion b?",
    "LabelSelector": "1 matchLabels map s, 2 matchExpressions *Requirement",
    "Requirement": "1 key s, 2 operator s, 3 values *s",
    "Reference": "1 name s",
    "ObjectReference": "1 kind s, 2 namespace s, 3 name s, 4 uid s, 5 apiVersion s, 6 resourceVersion s, 7 fieldPath s",
    "DeleteOptions": (
        "1 gracePeriodSeconds i?, 2 preconditions Preconditions?, 3 orphanDependents b?, 4 propagationPolicy s?, 5 dryRun *s"
    ),
    "Preconditions": "1 uid s?, 2 resourceVersion s?",
    # Workloads
    "Pod": "1 metadata ObjectMeta, 2 spec PodSpec",
    "Deployment": "1 metadata ObjectMeta, 2 spec DeploymentSpec",
    "DeploymentSpec": (
        "1 replicas i?, 2 selector LabelSelector?, 3 template PodTemplate, 4 strategy DeploymentStrategy, 5 minReadySeconds i, "
        "6 revisionHistoryLimit i?, 7 paused b, 9 progressDeadlineSeconds i?"
    ),
    "DeploymentStrategy": "1 type s, 2 rollingUpdate RollingUpdate?",
    "RollingUpdate": "1 maxUnavailable I?, 2 maxSurge I?",
    "Job": "1 metadata ObjectMeta, 2 spec JobSpec",
    "JobSpec": (
        "1 parallelism i?, 2 completions i?, 3 activeDeadlineSeconds i?, 4 selector LabelSelector?, 5 manualSelector b?, "
        "6 template PodTemplate, 7 backoffLimit i?, 8 ttlSecondsAfterFinished i?, 9 completionMode s?, 10 suspend b?, "
        "12 backoffLimitPerIndex i?, 13 maxFailedIndexes i?, 14 podReplacementPolicy s?, 15 managedBy s?"
    ),
    "CronJob": "1 metadata ObjectMeta, 2 spec CronJobSpec",
    "CronJobSpec": (
        "1 schedule s, 2 startingDeadlineSeconds i?, 3 concurrencyPolicy s, 4 suspend b?, 5 jobTemplate JobTemplate, "
        "6 successfulJobsHistoryLimit i?, 7 failedJobsHistoryLimit i?, 8 timeZone s?"
    ),
    "JobTemplate": "1 metadata ObjectMeta, 2 spec JobSpec",
    "PodTemplate": "1 metadata ObjectMeta, 2 spec PodSpec",
    "PodSpec": (
        "1 volumes *Volume, 2 containers *Container, 3 restartPolicy s, 4 terminationGracePeriodSeconds i?, 5 "
        "activeDeadlineSeconds i?, 6 dnsPolicy s, 7 nodeSelector map s, 8 serviceAccountName s, 9 serviceAccount s, 10 nodeName "
        "s, 11 hostNetwork b, 12 hostPID b, 13 hostIPC b, 14 securityContext PodSecurityContext?, 15 imagePullSecrets "
        "*Reference, 16 hostname s, 17 subdomain s, 18 affinity Affinity?, 19 schedulerName s, 20 initContainers *Container, 21 "
        "automountServiceAccountToken b?, 22 tolerations *Toleration, 24 priorityClassName s, 25 priority i?, 27 "
        "shareProcessNamespace b?, 29 runtimeClassName s?, 30 enableServiceLinks b?, 31 preemptionPolicy s?, 33 "
        "topologySpreadConstraints *Spread"
    ),
    "Container": (
        "1 name s, 2 image s, 3 command *s, 4 args *s, 5 workingDir s, 6 ports *ContainerPort, 7 env *EnvVar, 8 resources "
        "Resources, 9 volumeMounts *VolumeMount, 10 livenessProbe Probe?, 11 readinessProbe Probe?, 12 lifecycle Lifecycle?, "
        "13 terminationMessagePath s, 14 imagePullPolicy s, 15 securityContext SecurityContext?, 16 stdin b, 17 stdinOnce b, 18 "
        "tty b, 19 envFrom *EnvFrom, 20 terminationMessagePolicy s, 22 startupProbe Probe?, 24 restartPolicy s?"
    ),
    "ContainerPort": "1 name s, 2 hostPort i, 3 containerPort i, 4 protocol s, 5 hostIP s",
    "EnvVar": "1 name s, 2 value s, 3 valueFrom EnvVarSource?",
    "EnvVarSource": (
        "1 fieldRef FieldRef?, 2 resourceFieldRef ResourceFieldRef?, 3 configMapKeyRef KeyRef?, 4 secretKeyRef KeyRef?"
    ),
    "FieldRef": "1 apiVersion s, 2 fieldPath s",
    "ResourceFieldRef": "1 containerName s, 2 resource s, 3 divisor Q",
    "KeyRef": "1 reference ^Reference, 2 key s, 3 optional b?",
    "EnvFrom": "1 prefix s, 2 configMapRef EnvSource?, 3 secretRef EnvSource?",
    "EnvSource": "1 reference ^Reference, 2 optional b?",
    "Resources": "1 limits map Q, 2 requests map Q",
    "VolumeMount": "1 name s, 2 readOnly b, 3 mountPath s, 4 subPath s, 5 mountPropagation s?, 6 subPathExpr s",
    "Probe": (
        "1 handler ^Handler, 2 initialDelaySeconds i, 3 timeoutSeconds i, 4 periodSeconds i, 5 successThreshold i, 6 "
        "failureThreshold i, 7 terminationGracePeriodSeconds i?"
    ),
    "Handler": "1 exec Exec?, 2 httpGet HttpGet?, 3 tcpSocket TcpSocket?, 4 grpc Grpc?",
    "LifecycleHandler": "1 exec Exec?, 2 httpGet HttpGet?, 3 tcpSocket TcpSocket?",
    "Lifecycle": "1 postStart LifecycleHandler?, 2 preStop LifecycleHandler?",
    "Exec": "1 command *s",
    "HttpGet": "1 path s, 2 port I, 3 host s, 4 scheme s, 5 httpHeaders *Header",
    "Header": "1 name s, 2 value s",
    "TcpSocket": "1 port I, 2 host s",
    "Grpc": "1 port i, 2 service s?",
    "SecurityContext": (
        "1 capabilities Capabilities?, 2 privileged b?, 4 runAsUser i?, 5 runAsNonRoot b?, 6 readOnlyRootFilesystem b?, "
        "7 allowPrivilegeEscalation b?, 8 runAsGroup i?, 9 procMount s?, 11 seccompProfile Seccomp?"
    ),
    "Capabilities": "1 add *s, 2 drop *s",
    "Seccomp": "1 type s, 2 localhostProfile s?",
    "PodSecurityContext": (
        "2 runAsUser i?, 3 runAsNonRoot b?, 4 supplementalGroups *i, 5 fsGroup i?, 6 runAsGroup i?, 9 fsGroupChangePolicy s?, "
        "10 seccompProfile Seccomp?"
    ),
    "Volume": "1 name s, 2 source ^VolumeSource",
    "VolumeSource": (
        "1 hostPath HostPath?, 2 emptyDir EmptyDir?, 6 secret SecretVolume?, 10 persistentVolumeClaim ClaimVolume?, "
        "19 configMap ConfigMapVolume?"
    ),
    "HostPath": "1 path s, 2 type s?",
    "EmptyDir": "1 medium s, 2 sizeLimit Q?",
    "SecretVolume": "1 secretName s, 2 items *KeyToPath, 3 defaultMode i?, 4 optional b?",
    "ConfigMapVolume": "1 reference ^Reference, 2 items *KeyToPath, 3 defaultMode i?, 4 optional b?",
    "KeyToPath": "1 key s, 2 path s, 3 mode i?",
    "ClaimVolume": "1 claimName s, 2 readOnly b",
    "Toleration": "1 key s, 2 operator s, 3 value s, 4 effect s, 5 tolerationSeconds i?",
    "Spread": (
        "1 maxSkew i, 2 topologyKey s, 3 whenUnsatisfiable s, 4 labelSelector LabelSelector?, 5 minDomains i?, 6 "
        "nodeAffinityPolicy s?, 7 nodeTaintsPolicy s?, 8 matchLabelKeys *s"
    ),
    "Affinity": "1 nodeAffinity NodeAffinity?, 2 podAffinity PodAffinity?, 3 podAntiAffinity PodAffinity?",
    "NodeAffinity": (
        "1 requiredDuringSchedulingIgnoredDuringExecution NodeSelector?, 2 preferredDuringSchedulingIgnoredDuringExecution "
        "*PreferredNode"
    ),
    "NodeSelector": "1 nodeSelectorTerms *NodeTerm",
    "NodeTerm": "1 matchExpressions *Requirement, 2 matchFields *Requirement",
    "PreferredNode": "1 weight i, 2 preference NodeTerm",
    "PodAffinity": (
        "1 requiredDuringSchedulingIgnoredDuringExecution *PodTerm, 2 preferredDuringSchedulingIgnoredDuringExecution "
        "*PreferredPod"
    ),
    "PodTerm": "1 labelSelector LabelSelector?, 2 namespaces *s, 3 topologyKey s, 4 namespaceSelector LabelSelector?",
    "PreferredPod": "1 weight i, 2 podAffinityTerm PodTerm",
    # Configuration, network, access
    "Namespace": "1 metadata ObjectMeta, 2 spec NamespaceSpec",
    "NamespaceSpec": "1 finalizers *s",
    "ConfigMap": "1 metadata ObjectMeta, 2 data map s, 3 binaryData map y, 4 immutable b?",
    "Secret": "1 metadata ObjectMeta, 2 data map y, 3 type s, 4 stringData map s, 5 immutable b?",
    "ServiceAccount": (
        "1 metadata ObjectMeta, 2 secrets *ObjectReference, 3 imagePullSecrets *Reference, 4 automountServiceAccountToken b?"
    ),
    "Service": "1 metadata ObjectMeta, 2 spec ServiceSpec",
    "ServiceSpec": (
        "1 ports *ServicePort, 2 selector map s, 3 clusterIP s, 4 type s, 5 externalIPs *s, 7 sessionAffinity s, 8 "
        "loadBalancerIP s, 10 externalName s, 11 externalTrafficPolicy s, 17 ipFamilyPolicy s?, 18 clusterIPs *s, 19 ipFamilies "
        "*s, 22 internalTrafficPolicy s?"
    ),
    "ServicePort": "1 name s, 2 protocol s, 3 port i, 4 targetPort I, 5 nodePort i, 6 appProtocol s?",
    "Ingress": "1 metadata ObjectMeta, 2 spec IngressSpec",
    "IngressSpec": "1 defaultBackend Backend?, 2 tls *IngressTls, 3 rules *IngressRule, 4 ingressClassName s?",
    "IngressTls": "1 hosts *s, 2 secretName s",
    "IngressRule": "1 host s, 2 value ^IngressRuleValue",
    "IngressRuleValue": "1 http HttpRule?",
    "HttpRule": "1 paths *HttpPath",
    "HttpPath": "1 path s, 2 backend Backend, 3 pathType s?",
    "Backend": "4 service BackendService?",
    "BackendService": "1 name s, 2 port BackendPort",
    "BackendPort": "1 name s, 2 number i",
    "Role": "1 metadata ObjectMeta, 2 rules *PolicyRule",
    "PolicyRule": "1 verbs *s, 2 apiGroups *s, 3 resources *s, 4 resourceNames *s, 5 nonResourceURLs *s",
    "RoleBinding": "1 metadata ObjectMeta, 2 subjects *Subject, 3 roleRef RoleRef",
    "Subject": "1 kind s, 2 apiGroup s, 3 name s, 4 namespace s",
    "RoleRef": "1 apiGroup s, 2 kind s, 3 name s",
    "ResourceQuota": "1 metadata ObjectMeta, 2 spec QuotaSpec",
    "QuotaSpec": "1 hard map Q, 2 scopes *s",
    "PriorityClass": "1 metadata ObjectMeta, 2 value i, 3 globalDefault b, 4 description s, 5 preemptionPolicy s?",
    "PodDisruptionBudget": "1 metadata ObjectMeta, 2 spec BudgetSpec",
    "BudgetSpec": "1 minAvailable I?, 2 selector LabelSelector?, 3 maxUnavailable I?, 4 unhealthyPodEvictionPolicy s?",
    "Autoscaler": "1 metadata ObjectMeta, 2 spec AutoscalerSpec",
    "AutoscalerSpec": "1 scaleTargetRef ScaleTarget, 2 minReplicas i?, 3 maxReplicas i, 4 metrics *Metric",
    "ScaleTarget": "1 kind s, 2 name s, 3 apiVersion s",
    "Metric": "1 type s, 4 resource ResourceMetric?",
    "ResourceMetric": "1 name s, 2 target MetricTarget",
    "MetricTarget": "1 type s, 2 value Q?, 3 averageValue Q?, 4 averageUtilization i?",
    "AutoscalerV1": "1 metadata ObjectMeta, 2 spec AutoscalerV1Spec",
    "AutoscalerV1Spec": "1 scaleTargetRef ScaleTarget, 2 minReplicas i?, 3 maxReplicas i, 4 targetCPUUtilizationPercentage i?",
    # Subresources and reviews
    "Scale": "1 metadata ObjectMeta, 2 spec ScaleSpec",
    "ScaleSpec": "1 replicas i?",
    "Eviction": "1 metadata ObjectMeta, 2 deleteOptions DeleteOptions?",
    "Binding": "1 metadata ObjectMeta, 2 target ObjectReference",
    "TokenRequest": "1 metadata ObjectMeta, 2 spec TokenSpec",
    "TokenSpec": "1 audiences *s, 4 expirationSeconds i?",
    "SelfSubjectAccessReview": "1 metadata ObjectMeta, 2 spec AccessSpec",
    "AccessSpec": "1 resourceAttributes ResourceAttributes?, 2 nonResourceAttributes PathAttributes?, 3 user s, 4 groups *s",
    "ResourceAttributes": "1 namespace s, 2 verb s, 3 group s, 4 version s, 5 resource s, 6 subresource s, 7 name s",
    "PathAttributes": "1 path s, 2 verb s",
    "SelfSubjectRulesReview": "1 metadata ObjectMeta, 2 spec RulesSpec",
    "RulesSpec": "1 namespace s",
    "SelfSubjectReview": "1 metadata ObjectMeta",
}


def _field(text: str) -> tuple[int, Field]:
    number, name, *kind = text.split()
    code = kind[-1]
    bare = code.strip("*?^")
    return int(number), Field(
        name=name,
        type=_TYPES.get(bare, bare),
        repeated=code.startswith("*"),
        pointer=code.endswith("?"),
        map=kind[0] == "map",
        inline=code.startswith("^"),
    )


MESSAGES: dict[str, dict[int, Field]] = {
    name: dict(_field(part.strip()) for part in spec.split(", ")) for name, spec in _SPECS.items()
}

# Kinds that may stand at the root of a body, and their messages where the name differs.
ROOTS = {name: name for name, spec in _SPECS.items() if spec.startswith("1 metadata ObjectMeta")}
ROOTS |= {
    "HorizontalPodAutoscaler": "Autoscaler",
    "ClusterRole": "Role",
    "ClusterRoleBinding": "RoleBinding",
    "SubjectAccessReview": "SelfSubjectAccessReview",
    "DeleteOptions": "DeleteOptions",
}
