"""Documents of three invented cycles, shaped like the real ones: full, day one, failed.

The numbers are consistent within themselves (counts add up, intervals hold their values), so a
report made of them can be read by a person and checked by a test.
"""

from __future__ import annotations

from copy import deepcopy

from tests.sample_ablation import (
    REPLAY_SET,
    Document,
    ablation_document,
    estimates_document,
    observed_figures,
)
from tests.sample_summary import (
    arm_row,
    component_rows,
    file_row,
    reason_row,
    replayed_row,
    summary_document,
    tool_row,
)
from tracebridge.domain.events import JsonValue

type Documents = dict[str, JsonValue]


def full_documents() -> Documents:
    """A cycle with several chats, labels and randomized decisions; no candidate wins outright."""
    return {
        "summary": summary_document(),
        "ablation": ablation_document(),
        "estimates": estimates_document(),
        "runtime_hook": {
            "schema": "tracebridge.runtime_hook.v1",
            "status": "ok",
            "detail": "24 turns and 24 rewards written, read back with content; the hook ran 24 times",
        },
    }


def day_one_documents() -> Documents:
    """The first day of an owner with one chat: nobody reacted, no propensity was logged."""
    summary = summary_document()
    summary["unit_kind"] = "episode"
    summary["verdict"] = {
        "outcome": "insufficient_evidence",
        "subject": "cycle",
        "sentence": "There is not enough evidence to judge any variant yet.",
        "needs": "Switch the router on with a small control slice and react to answers: at 9 "
        "labels a day, the first verdict is possible in about 19 days.",
        "reasons": [
            reason_row(
                "labels",
                "unknown",
                "0 labeled episodes",
                "100 labeled episodes",
                "silence is not a score",
            ),
            reason_row("propensity", "unknown", "0 of 57 turns", "all turns", "no router decision"),
            reason_row("integrity", "pass", "412 of 412 lines", "every line", ""),
        ],
    }
    summary["counts"] = {
        "files": 3, "lines": 412, "imported": 398, "quarantined": 2, "skipped": 12,
        "duplicates": 0, "events": 398, "sessions": 3, "turns": 57, "steps": 231,
        "tool_calls": 142, "tool_errors": 17, "episodes": 9, "chats": 1, "days": 4,
    }  # fmt: skip
    summary["cost_usd"] = None
    summary["cost_known_turns"] = 0
    summary["tokens"] = {"input": 118_402, "output": 16_310}
    summary["latency_ms"] = {"p50": 21_400, "p95": 74_100, "n": 48}
    summary["scrubbed"] = {"EMAIL": 3}
    summary["integrity"] = [
        {
            "check": "every line accounted for",
            "result": "pass",
            "detail": "398 + 2 + 12 + 0 = 412",
        },
        {"check": "ledger chain", "result": "pass", "detail": "0 lines"},
    ]
    summary["replayed"] = [
        replayed_row("tools-parallel", 88, 77, 252_000, 188_000, 151_000, 154_000, 57, 14),
        replayed_row("tools-batch", 88, 88, 252_000, 249_000, 248_000, 248_000, 57, 14),
    ]
    summary["invariants"] = [
        {"policy_id": "reply-plain", "answers": 48, "changed": 11, "violations": {"links_kept": 0}}
    ]
    summary["credit"] = {"most_valuable": "read", "bottleneck": "exec (3 min, 18 % failed)"}
    summary["steps"] = [
        {"name": "import", "outcome": "ok", "detail": "3 files"},
        {"name": "assemble", "outcome": "ok", "detail": "57 turns"},
        {"name": "label", "outcome": "ok", "detail": "0 labels"},
        {"name": "reward", "outcome": "ok", "detail": "profile default"},
        {"name": "replay", "outcome": "ok", "detail": "17 rows"},
        {"name": "estimate", "outcome": "ok", "detail": "nothing is estimable"},
        {"name": "export", "outcome": "ok", "detail": "48 rows"},
        {"name": "hook", "outcome": "skipped", "detail": "agentlightning is not installed"},
    ]
    summary["per_file"] = [
        file_row("2026-03-01-main.jsonl", 240, 231, 2, 7),
        file_row("2026-03-02-main.jsonl", 150, 146, 0, 4),
        file_row("topic-7.jsonl", 22, 21, 0, 1),
    ]
    summary["quarantined"] = [
        {"file": "2026-03-01-main.jsonl", "line": 88, "reason": "not_json", "detail": "the line ends inside a string"},
        {"file": "2026-03-01-main.jsonl", "line": 191, "reason": "bad_timestamp", "detail": "`timestamp` is not ISO 8601"},
    ]  # fmt: skip
    summary["quarantined_by_reason"] = {"not_json": 1, "bad_timestamp": 1}
    summary["skipped_by_rule"] = {"off_branch": 9, "synthetic": 3}
    summary["turn_status"] = {"completed": 48, "silent": 5, "failed": 3, "aborted": 1, "open": 0}
    summary["triggers"] = {"person": 41, "cron": 11, "heartbeat": 5, "system": 0}
    summary["tools"] = [
        tool_row("exec", 61, 11, 0, 187_400, 1_210, 41_300),
        tool_row("read", 48, 2, 0, 2_930, 41, 130),
        tool_row("web_fetch", 19, 4, 1, 61_200, 2_480, 24_000),
        tool_row("write", 14, 0, 0, 610, 32, 0),
    ]
    summary["feedback"] = {
        "harvested": 0, "labels": 0, "labeled_turns": 0, "batch": 0, "chunk": 0, "by_score": {}, "by_rule": {},
        "unjoined": {}, "unmapped": {}, "label_rate": 0.0, "turns_answered": 48,
        "last_update": None, "gaps": 0,
    }  # fmt: skip
    summary["rewards"] = {
        "profile": "default", "judged": 44, "abstained": 13, "mean_outcome": 0.741,
        "mean_label": None, "histogram": [1, 0, 2, 1, 3, 4, 5, 7, 9, 12],
        "components": component_rows(44),
    }  # fmt: skip
    summary["arms"] = [arm_row("baseline", 57, 44, 0.741, 0, None, 0.0, None, 21.4)]
    summary["replay_set"] = REPLAY_SET | {"rows": 17, "units": 3, "unit_kind": "episode", "train_rows": 40, "days": ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"], "context_mismatches": 0}  # fmt: skip
    summary["labels_needed"] = {
        "labels_now": 0,
        "labeled_units": 0,
        "labeled_units_wanted": 100,
        "label_rate_per_day": 0.0,
        "labels_wanted": 100,
        "days_to_verdict": None,
        "how": [
            "Make the bot an administrator of the chat, then run `tracebridge doctor`.",
            "React to answers: 👍 or ❤ for good ones, 👎 for bad ones, 🙈 for those that must not happen again.",
            "Let `tracebridge feedback harvest` run every hour: Telegram keeps reactions for 24 hours.",
        ],
    }
    summary["consumer"] = {"status": "ok", "messages": 48, "triplets": 44, "rejected": 0}
    ablation = ablation_document()
    ablation["replay_set"] = summary["replay_set"]
    ablation["winner"] = None
    ablation["sentence"] = (
        "No variant can be compared yet: the log does not say how choices were made."
    )
    ablation["needs"] = "Propensities: serve through the router, with a control slice."
    rows = ablation["rows"]
    assert isinstance(rows, list)
    for row in rows:
        assert isinstance(row, dict)
        refusal: Document = {
            "not_estimable": "no_propensity",
            "detail": "17 of 17 rows carry no propensity",
        }
        row["estimated"] = dict.fromkeys(("outcome", "label", "cost", "latency"), refusal)
        row["contrast"] = dict.fromkeys(("outcome", "label", "cost", "latency"), refusal)
        row["simultaneous"] = None
        row["finding"] = "not_estimable"
        if row["policy_id"] == "tools-parallel":
            row["replayed"] = {"turns": 14, "calls_recorded": 88, "calls_replayed": 77, "serial_ms": 252_000, "wall_ms": 154_000}  # fmt: skip
        if row["policy_id"] == "reply-plain":
            row["invariants"] = {"answers": 48, "changed": 11, "violations": {"links_kept": 0}}
        row["observed"] = (
            observed_figures(57, 0.741, None, None, 21.4)
            if row["policy_id"] == "baseline"
            else None
        )
    return {
        "summary": summary,
        "ablation": ablation,
        "estimates": {"schema": "tracebridge.estimates.v1", "replay_set": REPLAY_SET, "policies": []},
        "runtime_hook": {
            "schema": "tracebridge.runtime_hook.v1",
            "status": "skipped",
            "detail": "agentlightning is not installed",
        },
    }  # fmt: skip


def failed_documents() -> Documents:
    """A cycle whose replay broke: the steps after it never ran and their documents are absent."""
    summary = deepcopy(summary_document())
    summary["status"] = "failed"
    summary["verdict"] = {
        "outcome": "invalid",
        "subject": "cycle",
        "sentence": "This cycle says nothing: its replay set broke its own checks.",
        "needs": None,
        "reasons": [
            reason_row(
                "replay set", "fail", "3 rows with propensity 0", "every propensity in (0, 1]", ""
            )
        ],
    }
    summary["steps"] = [
        {"name": "import", "outcome": "ok", "detail": ""},
        {"name": "label", "outcome": "ok", "detail": ""},
        {"name": "reward", "outcome": "ok", "detail": ""},
        {
            "name": "replay",
            "outcome": "failed",
            "detail": "replay_rows.parquet: 3 rows have a propensity of 0; mend the decision log of 2026-03-01.",
        },
        {"name": "estimate", "outcome": "skipped", "detail": "needs replay"},
        {"name": "ablate", "outcome": "skipped", "detail": "needs replay"},
    ]
    for absent in ("arms", "replayed", "invariants", "replay_set", "labels_needed", "consumer"):
        summary[absent] = None
    del summary["runtime_hook"]
    return {"summary": summary, "ablation": None, "estimates": None}


def index_entries() -> list[Document]:
    """Six cycles, oldest first; the last failed."""
    days = [
        ("20260226T031502Z", "2026-02-25", 212, 9),
        ("20260227T031501Z", "2026-02-26", 231, 14),
        ("20260228T031503Z", "2026-02-27", 190, 11),
        ("20260301T031502Z", "2026-02-28", 246, 21),
        ("20260302T031501Z", "2026-03-01", 238, 19),
    ]
    entries: list[Document] = [
        {
            "bundle_id": bundle_id,
            "day": day,
            "status": "ok",
            "verdict_outcome": "insufficient_evidence",
            "verdict_sentence": "No clear winner yet: every interval still holds zero.",
            "report_href": f"phase1-shadow/{bundle_id}/report.html",
            "turns": turns,
            "labels": labels,
        }
        for bundle_id, day, turns, labels in days
    ]
    entries[3] |= {
        "verdict_outcome": "admit",
        "verdict_sentence": "route-strong may enter the canary.",
    }
    entries.append(
        {
            "bundle_id": "20260303T031504Z",
            "day": "2026-03-02",
            "status": "failed",
            "verdict_outcome": "invalid",
            "verdict_sentence": "This cycle says nothing: its replay set broke its own checks.",
            "report_href": "phase1-shadow/20260303T031504Z/report.html",
            "turns": None,
            "labels": None,
        }
    )
    return entries
