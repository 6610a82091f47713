"""Names and namespaces on their way into a URL path, and how messages name what a call was about. Pure.

A name comes from an API object or from a user. Whatever could climb out of the path (a slash, `..`, an escape) stops here; the
rest is percent-encoded.
"""

from __future__ import annotations

import re

from shared.errors import ValueProblem
from shared.kinds import Resource

ACCEPTED_NAMESPACE = "a namespace: at most 63 of a-z, 0-9 and -, starting and ending with a letter or digit"
ACCEPTED_NAME = "a name of at most 253 printable characters without / % \\ or .."

_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
# RBAC objects may have names such as system:node, which are no DNS names; the rule is the API server's for path segments, and no
# spaces.
_NAME = re.compile(r"(?!\.\Z)(?!.*\.\.)[^\s/%\\?#\x00-\x20\x7f-\x9f]{1,253}")


def check_namespace(namespace: str) -> str:
    """*namespace* itself. Raises ValueProblem."""
    if _NAMESPACE.fullmatch(namespace) is None:
        raise ValueProblem(namespace, ACCEPTED_NAMESPACE)
    return namespace


def check_name(name: str) -> str:
    """*name* itself. Raises ValueProblem."""
    if _NAME.fullmatch(name) is None:
        raise ValueProblem(name, ACCEPTED_NAME)
    return name


def describe(resource: Resource, namespace: str | None, name: str | None) -> str:
    """`deployments shop/web`, `nodes n1`, `pods in shop`, `pods`: how messages name what a call was about."""
    if name is None:
        return f"{resource.plural} in {namespace}" if namespace else resource.plural
    return f"{resource.plural} {namespace}/{name}" if namespace else f"{resource.plural} {name}"
