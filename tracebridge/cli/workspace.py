"""``tracebridge init`` and ``tracebridge doctor``: a workspace, and whether this machine can."""

from __future__ import annotations

from pathlib import Path

import click

from tracebridge.cli.output import Negative, emit, settings, table


@click.command("init")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def init_command(folder: Path | None) -> None:
    """Make a workspace in FOLDER (default: the current one) and say what logs are here.

    Nothing that exists is overwritten.
    """
    from tracebridge.operations.workspaces import find_logs, make_workspace

    root = (folder or settings().workspace).expanduser().resolve()
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
            *[f"found {f.files} {f.format} logs in {f.path}" for f in logs],
            *([] if logs else ["no agent logs found under your home; name a path to `import`"]),
        ],
    )


@click.command("doctor")
def doctor_command() -> None:
    """Check versions, configuration, rights, ledger, logs, clock and disk; change nothing."""
    from tracebridge.operations.doctor import examine

    findings = examine(chosen_workspace(), Path.home())
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


def chosen_workspace() -> Path:
    """The workspace's path: its configuration is one of the things to examine."""
    from tracebridge.settings import workspace_from

    option = click.get_current_context().find_root().obj["workspace"]
    return workspace_from(Path(option) if option else None)
