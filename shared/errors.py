"""Our own errors: what a caller may catch, and nothing of the HTTP library underneath.

    ThriftError
    ├── UsageError            wrong flags, broken kubeconfig, unreadable rules or price file: exit code 2
    ├── ValueProblem          a value that cannot be read: an annotation, a quantity, a time spec
    └── ClusterError          an API server's answer, or the lack of one
        ├── Unauthorized      401: the credentials are wrong or have expired
        ├── Forbidden         403: a verb is missing from the RBAC rules
        ├── NotFound          404: the object, or the whole kind, is not there
        ├── Conflict          409: somebody else wrote first, or the precondition failed
        │   └── AlreadyExists 409 with that reason, on create
        ├── Gone              410: a continue token or a resourceVersion has expired
        ├── Invalid           400, 413, 415 or 422: the server understood and refused
        ├── Throttled         429, after the retries allowed
        └── Unavailable       5xx, a dropped connection, a time-out, no route, a bad certificate

Retrying is decided on these types, never on the text of a message.
"""

from __future__ import annotations


class ThriftError(Exception):
    """The root: whatever this suite raises on purpose."""


class UsageError(ThriftError):
    """The command line, the environment or a configuration file is wrong; nothing was started."""


class ValueProblem(ThriftError, ValueError):
    """A text that somebody wrote cannot be read.

    `value` is that text and `accepted` says in a few words which forms would have been understood, so that the one
    line a user sees can name both.
    """

    def __init__(self, value: object, accepted: str) -> None:
        self.value = str(value)
        self.accepted = accepted
        super().__init__(f"{shorten(self.value)!r} is not understood; accepted: {accepted}")


class ClusterError(ThriftError):
    """An answer of an API server that is not success, or no answer.

    `status` is the HTTP status (0 where there was no answer), `reason` the server's own machine-readable reason.
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Unauthorized(ClusterError): ...


class Forbidden(ClusterError): ...


class NotFound(ClusterError): ...


class Conflict(ClusterError): ...


class AlreadyExists(Conflict): ...


class Gone(ClusterError): ...


class Invalid(ClusterError): ...


class Throttled(ClusterError):
    """Too many requests. `retry_after` is what the server asked us to wait, in seconds, or None."""

    def __init__(self, message: str, *, retry_after: float | None = None, reason: str = "") -> None:
        super().__init__(message, status=429, reason=reason)
        self.retry_after = retry_after


class Unavailable(ClusterError): ...


def shorten(text: str, limit: int = 120) -> str:
    """`text` cut to `limit` characters: what a tenant wrote must not flood a log line or an event."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
