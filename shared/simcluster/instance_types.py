"""EC2 instance types that the embedded cluster's nodes are made of, and what Kubernetes can allocate on each. Pure.

Holds sizes only: prices belong to the resource report. Sources: the EC2 instance type pages (vCPU, memory), the EC2 table "IP
addresses per network interface", and the EKS AMI's documented kubelet reservations.
"""

from __future__ import annotations

import msgspec

MIB = 1024**2
GIB = 1024**3

# Root volume of an EKS node as created without a launch template (20 GiB), as the kubelet reports it.
EPHEMERAL_CAPACITY = "20959212Ki"
EPHEMERAL_ALLOCATABLE = "18242267924"


class InstanceType(msgspec.Struct, frozen=True):
    """One EC2 instance type: virtual CPUs, nominal memory in bytes, CPU architecture, and the VPC CNI's pod limit."""

    name: str
    vcpu: int
    memory: int
    arch: str
    max_pods: int

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def size(self) -> str:
        return self.name.partition(".")[2]

    @property
    def cpu_allocatable(self) -> int:
        """Millicores left to pods: vCPU less kubeReserved.

        EKS reserves 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of all above:
        2 vCPU leave 1930m, 4 leave 3920m, 8 leave 7910m.
        """
        reserved = 60 + 10 * (self.vcpu > 1) + 5 * min(max(self.vcpu - 2, 0), 2) + 2.5 * max(self.vcpu - 4, 0)
        return int(self.vcpu * 1000 - reserved)

    @property
    def memory_capacity(self) -> int:
        """Bytes that the kernel reports, which is less than the type's nominal memory.

        Fitted to nodes as seen: nominal less 240 MiB and less 2.75 % for firmware and kernel (8 GiB: about 7.55 GiB).
        """
        return int(self.memory * 0.9725) // 1024 * 1024 - 240 * MIB

    @property
    def memory_allocatable(self) -> int:
        """Bytes left to pods: capacity less kubeReserved (255 MiB + 11 MiB a pod) and the 100 MiB eviction threshold."""
        return self.memory_capacity - (255 + 11 * self.max_pods + 100) * MIB


# Network interfaces and IPv4 addresses on each, by size. The limit is interfaces * (addresses - 1) + 2.
_STANDARD_ENI = {
    "medium": (2, 4),
    "large": (3, 10),
    "xlarge": (4, 15),
    "2xlarge": (4, 15),
    "4xlarge": (8, 30),
    "8xlarge": (8, 30),
    "12xlarge": (8, 30),
    "16xlarge": (15, 50),
}
_BURSTABLE_ENI = {"micro": (2, 2), "small": (3, 4), "medium": (3, 6), "large": (3, 12), "xlarge": (4, 15), "2xlarge": (4, 15)}
_VCPU = {"medium": 1, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64}
_BURSTABLE = {"micro": (2, 1), "small": (2, 2), "medium": (2, 4), "large": (2, 8), "xlarge": (4, 16), "2xlarge": (8, 32)}
_GIB_PER_VCPU = {"m": 4, "c": 2, "r": 8}
_FAMILIES = {
    "m5": "amd64", "m6i": "amd64", "m6a": "amd64", "m7i": "amd64", "m7a": "amd64", "m6g": "arm64", "m7g": "arm64", "m8g": "arm64",
    "c5": "amd64", "c6i": "amd64", "c6a": "amd64", "c7i": "amd64", "c6g": "arm64", "c7g": "arm64",
    "r5": "amd64", "r6i": "amd64", "r6a": "amd64", "r7i": "amd64", "r6g": "arm64", "r7g": "arm64",
}  # fmt: skip


def _limit(eni: tuple[int, int]) -> int:
    interfaces, addresses = eni
    return interfaces * (addresses - 1) + 2


def _standard(family: str, arch: str) -> list[InstanceType]:
    # Only Graviton families have a medium size.
    sizes = [size for size in _VCPU if size != "medium" or arch == "arm64"]
    per_cpu = _GIB_PER_VCPU[family[0]]
    return [
        InstanceType(f"{family}.{size}", _VCPU[size], _VCPU[size] * per_cpu * GIB, arch, _limit(_STANDARD_ENI[size]))
        for size in sizes
    ]


def _burstable(family: str, arch: str) -> list[InstanceType]:
    return [
        InstanceType(f"{family}.{size}", vcpu, memory * GIB, arch, _limit(_BURSTABLE_ENI[size]))
        for size, (vcpu, memory) in _BURSTABLE.items()
    ]


INSTANCE_TYPES: dict[str, InstanceType] = {
    instance.name: instance
    for group in (
        *(_standard(family, arch) for family, arch in _FAMILIES.items()),
        _burstable("t3", "amd64"),
        _burstable("t4g", "arm64"),
    )
    for instance in group
}
"""Every known type by its name, "m6i.xlarge"."""
