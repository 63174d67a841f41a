"""``tracebridge schema``: the JSON Schema of every file kind."""

from __future__ import annotations

import click

from tracebridge.cli.output import emit
from tracebridge.domain.errors import ConfigurationError


@click.command("schema")
@click.argument("kind", required=False)
def schema_command(kind: str | None) -> None:
    """Print the JSON Schema of KIND; without KIND, list the kinds."""
    import json

    from tracebridge.adapters.schemas import kinds, load

    if kind is None:
        emit({"schema": "tracebridge.kinds.v1", "kinds": list(kinds())}, kinds())
        return
    if kind not in kinds():
        raise ConfigurationError(f"{kind}: is no kind of file; choose one of: {', '.join(kinds())}")
    document = load(kind)
    emit(document, json.dumps(document, indent=2, ensure_ascii=False).splitlines())
