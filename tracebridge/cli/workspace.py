"""``tracebridge init`` and ``tracebridge doctor``: a workspace, and whether this machine can."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tracebridge.cli.arguments import PATH
from tracebridge.cli.output import Negative, chosen_workspace, counted, emit, table
from tracebridge.domain.errors import ConfigurationError


@click.command("init")
@click.argument("folder", required=False, type=PATH)
def init_command(folder: Path | None) -> None:
    """Make a workspace in FOLDER (default: the current one) and say what logs are here.

    Nothing that exists is overwritten.
    """
    from tracebridge.operations.workspaces import find_logs, make_workspace

    root = folder.expanduser().resolve() if folder else chosen_workspace()
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"{root}: is a file; name a folder for the workspace")
    made = make_workspace(root)
    logs = find_logs(Path.home())
    emit(
        {
            "schema": "tracebridge.init.v1",
            "workspace": str(root),
            "made": made,
            "logs": [{"path": str(f.path), "format": f.format, "files": f.files} for f in logs],
        },
        [
            f"workspace: {root}",
            *[f"made {name}" for name in made],
            *([] if made else ["nothing to make: everything is there already"]),
            *[f"found {counted(f.files, f'{f.format} log')} in {f.path}" for f in logs],
            *([] if logs else ["no agent logs found under your home; name a path to `import`"]),
        ],
    )


@click.command("doctor")
def doctor_command() -> None:
    """Check versions, configuration, rights, ledger, logs, clock and disk; change nothing."""
    from tracebridge.operations.doctor import examine

    findings = examine(chosen_workspace(), Path.home(), datetime.now(UTC))
    emit(
        {
            "schema": "tracebridge.doctor.v1",
            "checks": [
                {"check": f.check, "result": f.result.value, "measured": f.measured, "mend": f.mend}
                for f in findings
            ],
        },
        table(
            ["check", "result", "found", "mend"],
            [[f.check, f.result.value, f.measured, f.mend] for f in findings],
        ),
    )
    if any(f.result.value == "fail" for f in findings):
        raise Negative
