"""Invented personal data and secrets, and text that only looks like them, for the self-test.

Every value is made up. Keys are put together from pieces so that secret scanners, which read
source code, stay quiet.
"""

from __future__ import annotations

_BODY = "Qx7Rt2Lm9Zp4Vb6Nk1Ws8Yd3Fh5Jc0GaTe"
_HEX = "9f2c4e1b7a6d8035"

CANARIES: tuple[tuple[str, str], ...] = (
    ("EMAIL", "jane.roe+news@mail.example.co.uk"),
    ("PHONE", "(555) 123-4567"),
    ("PHONE", "555-123-4567"),
    ("PHONE", "555 123 4567"),
    ("PHONE", "555.123.4567"),
    ("PHONE", "+44 20 7946 0958"),
    ("PHONE", "+442079460958"),
    ("SSN", "219-45-6789"),
    ("CARD", "4111 1111 1111 1111"),
    ("CARD", "5555-5555-5555-4444"),
    ("CARD", "378282246310005"),
    ("SECRET", "sk-" + _BODY),
    ("SECRET", "sk-ant-" + "api03-" + _BODY),
    ("SECRET", "ghp_" + _BODY + "a1"),
    ("SECRET", "github_pat_" + _BODY),
    ("SECRET", "glpat-" + _BODY[:20]),
    ("SECRET", "xoxb-" + "123456789012-" + _BODY[:24]),
    ("SECRET", "AKIA" + "Q7RTLM2ZP4VB6NK1"),
    ("SECRET", "AIza" + _BODY + "x"),
    ("SECRET", "sk_live_" + _BODY[:24]),
    ("SECRET", "rk_live_" + _BODY[:24]),
    ("SECRET", "123456789:" + "AA" + _BODY[:33]),
    ("SECRET", ".".join(("eyJ" + _BODY[:16], "eyJ" + _BODY[:20], _BODY))),
    (
        "SECRET",
        "\n".join(
            ("-----BEGIN " + "PRIVATE KEY-----", _BODY, _BODY, "-----END " + "PRIVATE KEY-----")
        ),
    ),
)
"""Type and value; between two words, the value alone must become its placeholder."""

HARMLESS: tuple[str, ...] = (
    "epoch 1707480000, 1707480000123 and chat -1001000000001 at 2026-11-21T05:11:00.397Z",
    f"commit {_HEX}{_HEX}a1b2c3d4 of git@github.com:example/project.git, version 10.15.7",
    "id 123e4567-e89b-12d3-a456-426614174000 from 192.168.100.200 for $1,234.56",
    'def f(key=lambda x: x):\n    @app.route("/items")\n    password = os.environ["PASSWORD"]',
    "max_tokens=4096, next_token: None, sort_key = item.created_at, x@y.c|m",
)
"""Text that the scrubber must leave as it is."""
