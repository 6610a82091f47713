"""Jinja2 for the pages: autoescape always on, overrides before the built-in templates, hooks kept from stopping a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from jinja2.ext import Extension
from markupsafe import Markup

from resource_report.glossary import TERMS
from resource_report.notifications import Notification, Severity

# No other host, no inline script, no inline style, no plug-in, no form: even markup that slipped through could do nothing.
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"

HOOK_REMEDY = "mend the function given with --prerender-hook"


class _Dense(Extension):
    """Drops the indentation of templates when they are compiled: a report has thousands of pages."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return "\n".join(line.strip() for line in source.splitlines() if line.strip())


class Templates:
    """Renders pages. `problems` collects what hooks and overrides did wrong, each once."""

    def __init__(self, overrides: Path | None, hook: Callable[[str, dict[str, Any]], object] | None) -> None:
        built_in = jinja2.PackageLoader("resource_report", "templates")
        self._built_in = self._environment(built_in)
        loaders = [jinja2.FileSystemLoader(str(overrides)), built_in] if overrides else [built_in]
        self._environment_used = self._environment(jinja2.ChoiceLoader(loaders)) if overrides else self._built_in
        self._hook = hook
        self._chosen: dict[tuple[bool, str, str], jinja2.Template] = {}
        self._hook_failures: set[str] = set()
        self.problems: list[Notification] = []

    @staticmethod
    def _environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=loader,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            undefined=jinja2.Undefined,
            extensions=[_Dense],
        )
        environment.globals |= {
            "terms": TERMS,
            "csp": Markup(CSP),
            "csp_compact": Markup(CSP.replace(" img-src 'self' data:;", "")),
        }
        return environment

    def render(self, name: str, fallback: str, context: dict[str, Any]) -> str:
        """The page of template *name*, or of *fallback* where there is no template of that name.

        The hook runs first, on the context. When it, or a template of the operator, raises or makes the page impossible, the page
        is made without them.
        """
        changed = self._hooked(name, context)
        if self._environment_used is not self._built_in:
            try:
                return self._template(self._environment_used, name, fallback).render(changed)
            except Exception as error:  # noqa: BLE001 - templates are the operator's code: any of them may raise anything
                self._problem("templates", f"{name}: {_one_line(error)}", "mend the template in --templates-path")
        if changed is context:
            return self._template(self._built_in, name, fallback).render(context)
        try:
            return self._template(self._built_in, name, fallback).render(changed)
        except Exception as error:  # noqa: BLE001 - what a hook put into the context may be anything
            self._problem("prerender hook", f"{name}: {_one_line(error)}", HOOK_REMEDY)
        return self._template(self._built_in, name, fallback).render(context)

    def _template(self, environment: jinja2.Environment, name: str, fallback: str) -> jinja2.Template:
        """The first of the two that exists, looked for once: thousands of pages ask for the same."""
        key = (environment is self._built_in, name, fallback)
        if key not in self._chosen:
            self._chosen[key] = environment.select_template([name, fallback] if fallback else [name])
        return self._chosen[key]

    def _hooked(self, name: str, context: dict[str, Any]) -> dict[str, Any]:
        """The context as the hook left it; *context* itself where there is no hook or it raised."""
        if self._hook is None:
            return context
        changed = dict(context)
        try:
            self._hook(name, changed)
        except Exception as error:  # noqa: BLE001 - a hook is the operator's code: it may raise anything and must not cost the report
            self._problem("prerender hook", f"{name}: {_one_line(error)}", HOOK_REMEDY)
            return context
        return changed

    def _problem(self, subject: str, message: str, remedy: str) -> None:
        if (subject + message) not in self._hook_failures:
            self._hook_failures.add(subject + message)
            self.problems.append(Notification(Severity.WARNING, "", subject, message, remedy))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
