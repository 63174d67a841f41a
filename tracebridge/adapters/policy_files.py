"""Behavior policies from a folder of TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tracebridge.domain.errors import PolicyError
from tracebridge.domain.replay import Policy
from tracebridge.replay.policies import BASELINE, check_policies, parse_policy


def load_policies(folder: Path) -> tuple[Policy, ...]:
    """The baseline and every policy of ``folder/*.toml``, by policy id behind it.

    A folder that does not exist holds no policies: then the baseline stands alone.

    Raises:
        PolicyError: a file cannot be read or breaks the format, or two files contradict each
            other; the sentence names the file, the field and the mend.
    """
    policies = sorted(
        (load_policy(path) for path in sorted(folder.glob("*.toml"))),
        key=lambda policy: policy.policy_id,
    )
    check_policies((BASELINE, *policies))
    return (BASELINE, *policies)


def load_policy(path: Path) -> Policy:
    """The policy of one file.

    Raises:
        PolicyError: the file cannot be read, is not TOML in UTF-8, or breaks the format.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: is not TOML in UTF-8 ({error}); mend the file") from error
    return parse_policy(document, file=str(path))
