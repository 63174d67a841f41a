from __future__ import annotations

import json

from tests.shared import shared_path
from tracebridge.scrubbing.scrub import scrub_text

ID_FIELDS = ("id", "parentId", "timestamp", "toolCallId", "responseId")


def test_ids_and_times_of_real_sessions_come_out_as_they_went_in() -> None:
    checked = 0
    for path in sorted(shared_path("data", "openclaw-live").rglob("sessions/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            before, after = json.loads(line), json.loads(scrub_text(line)[0])
            for field in ID_FIELDS:
                assert after.get(field) == before.get(field)
                checked += field in before
    assert checked > 100
