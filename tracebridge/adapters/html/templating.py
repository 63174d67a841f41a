"""The one Jinja environment of the pages: escapes everything, and a missing name is an error."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """A page as text, ending in one newline. The same values give the same text."""
    return _environment().get_template(template).render(**values).rstrip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tracebridge.adapters.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
