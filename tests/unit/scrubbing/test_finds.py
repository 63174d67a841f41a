from __future__ import annotations

import pytest

from tracebridge.scrubbing import scrub
from tracebridge.scrubbing.scrub import scrub_text

_BODY = "Qx7Rt2Lm9Zp4Vb6Nk1Ws8Yd3Fh5Jc0GaTe"
_BOT_TOKEN = "987654321:" + "AA" + _BODY[:33]
_PEM = "-----BEGIN " + "RSA PRIVATE KEY-----"

FOUND = (
    ("mail jane@example.com.", "mail [EMAIL]."),
    ("jane@example.com: token = tokenizer.encode(x)", "[EMAIL]: token = tokenizer.encode(x)"),
    ("<o'brien+x@mail.example.co.uk>", "<[EMAIL]>"),
    ("zoë.müller@exämple.de, next", "[EMAIL], next"),
    ("联系jane@example.com谢谢", "联系[EMAIL]谢谢"),
    ("?to=jane%40example.com&x=1", "?to=[EMAIL]&x=1"),
    ('print("to:\\njane@example.com")', 'print("to:\\n[EMAIL]")'),
    ("jane@corp.example.com:/srv", "[EMAIL]:/srv"),
    ("(555) 123-4567", "[PHONE]"),
    ("(555)123-4567", "[PHONE]"),
    ("call 1-555-123-4567 now", "call [PHONE] now"),
    ("1 (555) 123-4567 x12", "[PHONE]"),
    ("555.123.4567, ext", "[PHONE], ext"),
    ("123-456-7890", "[PHONE]"),
    ("555 123 4567 2nd floor", "[PHONE] 2nd floor"),
    ("dial 555 123 4567 2 times", "dial [PHONE] 2 times"),
    ("555\u00a0123\u00a04567", "[PHONE]"),
    ("555\u2011123\u20114567", "[PHONE]"),
    ("+1 555-123-4567", "[PHONE]"),
    ("+15551234567", "[PHONE]"),
    ("+44 (0)20 7946 0958", "[PHONE]"),
    ("+49 30 901820 and 2024", "[PHONE] and 2024"),
    ("+44 20 7946 0958 2024 items", "[PHONE] 2024 items"),
    ("0044 20 7946 0958", "[PHONE]"),
    ("020 7946 0958", "[PHONE]"),
    ("(02) 9876 5432", "[PHONE]"),
    ("06 12 34 56 78", "[PHONE]"),
    ("tel:555-123-4567", "tel:[PHONE]"),
    ("ssn 219-45-6789.", "ssn [SSN]."),
    ("4111111111111111", "[CARD]"),
    ("4111 1111 1111 1111 123", "[CARD] 123"),
    ("4111-1111-1111-1111", "[CARD]"),
    ("3782 822463 10005", "[CARD]"),
    ("card:378282246310005", "card:[CARD]"),
    ("30569309025904", "[CARD]"),
    ("4222222222222", "[CARD]"),
    ("3530111333300000", "[CARD]"),
    (f"export OPENAI_API_KEY=sk-{_BODY}", "export OPENAI_API_KEY=[SECRET]"),
    (
        f"https://api.telegram.org/bot{_BOT_TOKEN}/getMe",
        "https://api.telegram.org/bot[SECRET]/getMe",
    ),
    ("postgres://app:s3cr3t@db.example.org:5432/x", "postgres://[SECRET]@db.example.org:5432/x"),
    ("redis://:p@ss@10.0.0.1:6379", "redis://[SECRET]@10.0.0.1:6379"),
    (f"Authorization: Bearer {_BODY}", "Authorization: Bearer [SECRET]"),
    ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic [SECRET]"),
    (f'curl -H "Bearer {_BODY}"', 'curl -H "Bearer [SECRET]"'),
    ('{"password": "hunter2-2026"}', '{"password": "[SECRET]"}'),
    ("DB_PASSWORD=Tr0ub4dor&3", "DB_PASSWORD=[SECRET]&3"),
    (f"client_secret: '{_BODY}'", "client_secret: '[SECRET]'"),
    (f"--api-key {_BODY} --verbose", "--api-key [SECRET] --verbose"),
    (f'token: str = "{_BODY}"', 'token: str = "[SECRET]"'),
    (f"x\\nghp_{_BODY}ab", "x\\n[SECRET]"),
    (f"{_PEM}\nMIIB\nAAAA\n-----END " + "RSA PRIVATE KEY-----\nnext", "[SECRET]\nnext"),
    (f"{_PEM}\nMIIBAAAA (cut off)", "[SECRET](cut off)"),
)

KEPT = (
    "1707480000",
    "5551234567",
    "chat 987654321 and -1001234567890, message 4825",
    "1707480000123456 microseconds, 1707480000123456789 nanoseconds",
    "4111111111111112",
    "1234567812345670",
    "0.4111111111111111",
    "order-4111111111111111-x",
    "00581361-6428-4999-a76e-f24e97000000",
    "666-12-3456 000-12-3456 900-12-3456 123-00-4567 123-45-0000",
    "2026-11-21 05:11:00, 01.02.2026, 11-21-2026",
    "part 555-123-4567-89 and a-555-123-4567",
    "555.123.4567.1",
    "210 555 1000 17\n",
    "12 210 555 1000",
    "+1707480000\n+1707480000123",
    "rose by +20 000 000 and +12 500 000 000, UTC+05:30",
    "git@github.com:example/project.git",
    "ssh://git@example.org/project",
    "\n@app.route('/')\n@pytest.fixture",
    "'\\n@app.route'",
    "x@y.c|m, user@localhost, react@18.2.0, actions/checkout@v4, icon@2x.png",
    "scores = q@k.transpose(-2, -1); y = x@self.weight",
    "getty@tty1.service",
    "password: required; password = getpass(); password=None; pwd=/home/u1/project2",
    "token = tokenizer.encode(text, add_special_tokens=True)",
    "secret = config.v2.secret_key1",
    "max_tokens: 4096, next_token=page_2, tokens=10446",
    "sort_key=lambda item: item.created_at",
    '{"key":"agent:main:telegram:group:-1001000000001:topic:7"}',
    '{"cacheKey":"9f2c4e1b7a6d80359f2c4e1b7a6d8035"}',
    "https://example.org:8080/a?b=c@d.x",
    "postgres://${USER}:${PASSWORD}@localhost/x",
    "Authorization: Bearer $TOKEN; Authorization: Bearer YOUR_TOKEN_HERE",
    "bearer authentication-is-required-for-this",
    "sk-learn-contrib-imbalanced-ensembles and task-sk-container-id",
    "xoxb-your-token-goes-here",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "12345678:this-is-some-kebab-case-name-of-35c",
    "[EMAIL] [PHONE] [SSN] [CARD] [SECRET]",
)


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_it_is_found_and_nothing_around_it_changes(text: str, expected: str) -> None:
    assert scrub_text(text)[0] == expected


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_it_is_kept(text: str) -> None:
    assert scrub_text(text) == (text, {})


def test_card_comes_before_phone_so_that_no_digits_are_left() -> None:
    assert scrub_text("4012 8888 8888 1881 at 555-123-4567") == (
        "[CARD] at [PHONE]",
        {"CARD": 1, "PHONE": 1},
    )


def test_text_that_never_settles_becomes_one_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub, "_MAX_PASSES", 1)
    monkeypatch.setattr(scrub, "_needs_rules", lambda _data: True)
    text, finds = scrub_text("mail jane@example.com")
    assert text == "[SECRET]"
    assert finds == {"EMAIL": 1, "SECRET": 1}
