"""The summary of an invented cycle over many chats, and the rows that such summaries are made of."""

from __future__ import annotations

from tests.sample_ablation import BASELINE_OUTCOME, REPLAY_SET, Document
from tracebridge.domain.events import JsonValue


def summary_document() -> Document:
    return {
        "schema": "tracebridge.summary.v1",
        "day": "2026-03-02",
        "seed": 7,
        "status": "ok",
        "code_version": "0.1.0+g1a2b3c4",
        "unit_kind": "chat",
        "scrub_version": "2026.11",
        "verdict": {
            "outcome": "insufficient_evidence",
            "subject": "route-strong",
            "sentence": "No clear winner yet: route-strong looks better, but its interval still holds zero.",
            "needs": "About 240 more judged turns from the control slice; at today's pace that is 3 days.",
            "reasons": [
                reason_row("integrity", "pass", "6,204 of 6,204 lines", "every line accounted for", ""),
                reason_row("consumer", "pass", "0 rejected of 1,140", "0 rejected", ""),
                reason_row("overlap", "pass", "ESS 61.4 of 96 chats", "at least 40", ""),
                reason_row("outcome contrast", "fail", "−0.004 to +0.118", "lower end above 0", "simultaneous over five policies"),
                reason_row("label contrast", "unknown", "31 labeled chats", "at least 60", "among those who reacted"),
                reason_row("cost", "pass", "+$0.0031 per turn", "at most +$0.0100", ""),
            ],
        },
        "counts": {
            "files": 3, "lines": 6_204, "imported": 5_961, "quarantined": 7, "skipped": 230,
            "duplicates": 6, "events": 5_961, "sessions": 112, "turns": 1_418, "steps": 4_380,
            "tool_calls": 2_214, "tool_errors": 186, "episodes": 307, "chats": 96, "days": 6,
        },
        "per_file": [
            file_row("chat-04.jsonl", 3_100, 2_980, 4, 112),
            file_row("chat-17.jsonl", 2_004, 1_935, 0, 67),
            file_row("chat-62.jsonl", 1_100, 1_046, 3, 51),
        ],
        "quarantined": [
            {"file": "chat-04.jsonl", "line": 88, "reason": "not_json", "detail": "the line ends inside a string"},
            {"file": "chat-04.jsonl", "line": 1_191, "reason": "bad_timestamp", "detail": "`timestamp` is not ISO 8601"},
            {"file": "chat-62.jsonl", "line": 12, "reason": "too_deep", "detail": "nested deeper than 64"},
        ],
        "quarantined_by_reason": {"bad_timestamp": 1, "not_json": 4, "too_deep": 2},
        "skipped_by_rule": {"off_branch": 171, "synthetic": 58, "torn_tail": 1},
        "tokens": {"input": 2_841_330, "output": 402_118},
        "cost_usd": 14.8231,
        "cost_known_turns": 1_204,
        "turn_status": {"completed": 1_286, "silent": 61, "failed": 44, "aborted": 19, "open": 8},
        "triggers": {"person": 1_102, "cron": 214, "heartbeat": 96, "system": 6},
        "tools": [
            tool_row("exec", 812, 121, 3, 1_874_000, 1_180, 402_000),
            tool_row("read", 604, 9, 0, 31_400, 44, 480),
            tool_row("web_search", 331, 22, 1, 602_000, 1_690, 61_000),
            tool_row("web_fetch", 288, 34, 2, 801_000, 2_310, 240_000),
            tool_row("write", 179, 0, 0, 7_400, 38, 0),
        ],
        "latency_ms": {"p50": 14_200, "p95": 61_800, "n": 1_286},
        "scrubbed": {"EMAIL": 41, "PHONE": 12, "SECRET": 3},
        "feedback": {
            "harvested": 231,
            "labels": 164,
            "labeled_turns": 151,
            "batch": 149,
            "chunk": 15,
            "by_score": {"+2": 38, "+1": 87, "-1": 29, "-2": 10},
            "by_rule": {"delivery_map": 121, "bracket": 36, "open_bracket": 7},
            "unjoined": {"acknowledgement": 31, "withdrawn": 14, "unmapped": 9, "user_message": 8, "no_turn": 5},
            "unmapped": {"🤔": 6, "🫡": 3},
            "label_rate": 151 / 1_286,
            "turns_answered": 1_286,
            "last_update": "2026-03-02T22:41:07+00:00",
            "gaps": 1,
        },
        "rewards": {
            "profile": "default",
            "judged": 1_312,
            "abstained": 106,
            "mean_outcome": BASELINE_OUTCOME,
            "mean_label": 0.695,
            "histogram": [31, 18, 40, 66, 92, 118, 176, 224, 261, 286],
            "components": component_rows(1_312),
        },
        "arms": [
            arm_row("baseline", 986, 912, 0.709, 112, 0.71, 0.1136, 0.0101, 14.9),
            arm_row("strong", 214, 201, 0.751, 31, 0.90, 0.1449, 0.0183, 19.7),
            arm_row("concise", 218, 199, 0.684, 21, 0.31, 0.0963, None, 11.2),
        ],
        "replayed": [
            replayed_row("tools-parallel", 1_102, 959, 3_316_000, 2_402_000, 1_988_000, 2_011_000, 1_418, 204),
            replayed_row("tools-batch", 1_102, 1_102, 3_316_000, 2_960_000, 2_904_000, 2_911_000, 1_418, 204),
        ],
        "invariants": [
            {"policy_id": "reply-plain", "answers": 1_286, "changed": 402, "violations": {"links_kept": 0, "numbers_kept": 2}}
        ],
        "credit": {"most_valuable": "read (+0.041 per call)", "bottleneck": "exec (31 min, 15 % failed)"},
        "replay_set": REPLAY_SET | {
            "train_rows": 861,
            "days": [f"2026-02-{day}" for day in (25, 26, 27, 28)] + ["2026-03-01", "2026-03-02"],
            "context_mismatches": 0,
        },
        "labels_needed": {
            "labels_now": 164,
            "labeled_units": 58,
            "labeled_units_wanted": 100,
            "label_rate_per_day": 27.3,
            "labels_wanted": 100,
            "days_to_verdict": 3,
            "how": ["Keep the control slice at 30 %.", "Ask the five chats that never react for a 👍 or 👎."],
        },
        "steps": [
            {"name": name, "outcome": "ok", "detail": detail}
            for name, detail in (
                ("import", "3 files"), ("harvest", ""), ("assemble", "1,418 turns"), ("label", "164 labels"),
                ("reward", "profile default"), ("replay", "1,312 rows"), ("estimate", "5 policies"),
                ("ablate", ""), ("export", "1,140 rows"), ("hook", "24 turns"),
            )
        ],
        "consumer": {"status": "ok", "messages": 1_140, "triplets": 1_088, "rejected": 0},
        "runtime_hook": {"status": "ok", "detail": "24 turns and 24 rewards read back"},
        "integrity": [
            {"check": "every line accounted for", "result": "pass", "detail": "5,961 + 7 + 230 + 6 = 6,204"},
            {"check": "ledger chain", "result": "pass", "detail": "231 lines, head 8c1f…"},
            {"check": "no unit on both sides of the split", "result": "pass", "detail": "0 offenders"},
        ],
    }  # fmt: skip


def replayed_row(
    policy_id: str,
    recorded: int,
    replayed: int,
    serial_ms: int,
    level_ms: int,
    critical_path_ms: int,
    wall_ms: int,
    turns: int,
    eligible_turns: int,
) -> Document:
    return {
        "policy_id": policy_id,
        "turns": turns,
        "calls_recorded": recorded,
        "calls_replayed": replayed,
        "serial_ms": serial_ms,
        "level_ms": level_ms,
        "critical_path_ms": critical_path_ms,
        "wall_ms": wall_ms,
        "eligible_turns": eligible_turns,
    }


def component_rows(judged: int) -> list[JsonValue]:
    return [
        {"name": "task_completed", "weight": 0.4, "n": judged, "mean": 0.806},
        {"name": "tools_succeeded", "weight": 0.3, "n": judged // 2, "mean": 0.671},
        {"name": "tests_passed", "weight": 0.2, "n": judged // 9, "mean": 0.588},
        {"name": "no_repetition", "weight": 0.1, "n": 0, "mean": None},
    ]


def arm_row(
    arm: str,
    turns: int,
    judged: int,
    outcome: float,
    labels: int,
    label: float | None,
    label_rate: float,
    cost_usd: float | None,
    latency_s: float,
) -> Document:
    return {
        "arm": arm,
        "turns": turns,
        "judged": judged,
        "mean_outcome": outcome,
        "labels": labels,
        "mean_label": label,
        "label_rate": label_rate,
        "mean_cost_usd": cost_usd,
        "mean_latency_s": latency_s,
    }


def tool_row(
    tool: str, calls: int, errors: int, no_result: int, total_ms: int, p50_ms: int, failed_ms: int
) -> Document:
    return {
        "tool": tool,
        "calls": calls,
        "errors": errors,
        "no_result": no_result,
        "total_ms": total_ms,
        "p50_ms": p50_ms,
        "failed_ms": failed_ms,
    }


def file_row(name: str, lines: int, imported: int, quarantined: int, skipped: int) -> Document:
    return {
        "file": name,
        "format": "openclaw",
        "lines": lines,
        "imported": imported,
        "quarantined": quarantined,
        "skipped": skipped,
        "duplicates": lines - imported - quarantined - skipped,
    }


def reason_row(check: str, result: str, measured: str, required: str, detail: str) -> Document:
    return {
        "check": check,
        "result": result,
        "measured": measured,
        "required": required,
        "detail": detail,
    }
