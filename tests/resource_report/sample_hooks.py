"""Hooks as an operator would write them, for the tests of the command."""

from __future__ import annotations

from typing import Any


def prerender(template: str, context: dict[str, Any]) -> None:
    context["seen_by_hook"] = template


def map_node(node: Any, mapped: dict[str, Any]) -> None:
    mapped["cost"] *= 0.9


def map_pod(pod: Any, mapped: dict[str, Any]) -> None:
    if pod.name == "dns-1":
        mapped["application"] = "from-hook"
