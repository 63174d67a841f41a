"""The comparison of an invented cycle: one variant ahead but unproven, one worse, two unknowable."""

from __future__ import annotations

from tracebridge.domain.events import JsonValue

type Document = dict[str, JsonValue]

REPLAY_SET: Document = {
    "digest": "5b0c8f6a1d9e47c2b3a8f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f",
    "rows": 1312,
    "units": 96,
    "unit_kind": "chat",
}
BASELINE_OUTCOME = 0.712


def ablation_document() -> Document:
    rows: list[JsonValue] = [
        {
            "policy_id": "baseline", "family": None, "parent": None, "factor": None,
            "description": "What serves today.", "digest": "a1" * 32,
            "observed": observed_figures(986, 0.709, 0.71, 0.0101, 14.9),
            "replayed": None, "invariants": None,
            "estimated": {
                "outcome": _estimate(0.7094, 0.6831, 0.7357, 1_312, 96, 88.2, 0.031),
                "label": _estimate(0.711, 0.522, 0.900, 164, 58, 51.0, 0.06),
                "cost": _estimate(0.0102, 0.0093, 0.0111, 1_204, 96, 88.2, 0.031),
                "latency": _estimate(14.8, 13.2, 16.4, 1_286, 96, 88.2, 0.031),
            },
            "contrast": {}, "simultaneous": None, "model_dependent": False,
            "finding": "no_clear_difference",
        },
        {
            "policy_id": "route-strong", "family": "route", "parent": "baseline", "factor": "route.model",
            "description": "Sends long requests and commands to the stronger model.", "digest": "b2" * 32,
            "observed": observed_figures(214, 0.751, 0.90, 0.0183, 19.7),
            "replayed": None, "invariants": None,
            "estimated": {
                "outcome": _estimate(0.7664, 0.7191, 0.8137, 1_312, 96, 61.4, 0.052),
                "label": _estimate(0.912, 0.518, 1.306, 164, 58, 31.2, 0.11),
                "cost": _estimate(0.0133, 0.0118, 0.0148, 1_204, 96, 61.4, 0.052),
                "latency": _estimate(17.1, 14.6, 19.6, 1_286, 96, 61.4, 0.052),
            },
            "contrast": {
                "outcome": _estimate(0.057, 0.014, 0.100, 1_312, 96, 61.4, 0.052),
                "label": _estimate(0.201, -0.190, 0.592, 164, 58, 31.2, 0.11),
                "cost": _estimate(0.0031, 0.0018, 0.0044, 1_204, 96, 61.4, 0.052),
                "latency": _estimate(2.3, 0.4, 4.2, 1_286, 96, 61.4, 0.052),
            },
            "simultaneous": {"lo": -0.004, "hi": 0.118}, "model_dependent": True,
            "finding": "no_clear_difference",
        },
        {
            "policy_id": "prompt-concise", "family": "prompt", "parent": "baseline", "factor": "prompt.instruction",
            "description": "Asks for the shortest answer that still says everything.", "digest": "c3" * 32,
            "observed": observed_figures(218, 0.684, 0.31, None, 11.2),
            "replayed": None, "invariants": None,
            "estimated": {
                "outcome": _estimate(0.6301, 0.5822, 0.6780, 1_312, 96, 54.9, 0.071),
                "label": _estimate(0.288, -0.141, 0.717, 164, 58, 24.0, 0.16),
                "cost": {"not_estimable": "no_rows", "detail": "no turn of this arm has a known cost"},
                "latency": _estimate(11.4, 9.6, 13.2, 1_286, 96, 54.9, 0.071),
            },
            "contrast": {
                "outcome": _estimate(-0.0793, -0.121, -0.0376, 1_312, 96, 54.9, 0.071),
                "label": _estimate(-0.423, -0.871, 0.025, 164, 58, 24.0, 0.16),
                "cost": {"not_estimable": "no_rows", "detail": "no turn of this arm has a known cost"},
                "latency": _estimate(-3.4, -5.1, -1.7, 1_286, 96, 54.9, 0.071),
            },
            "simultaneous": {"lo": -0.139, "hi": -0.0196}, "model_dependent": False,
            "finding": "worse",
        },
        {
            "policy_id": "tools-parallel", "family": "tool", "parent": "baseline", "factor": "tool.schedule",
            "description": "Plans three or more tool calls as a graph.", "digest": "d4" * 32,
            "observed": None,
            "replayed": {"turns": 204, "calls_recorded": 1_102, "calls_replayed": 959, "serial_ms": 3_316_000, "wall_ms": 2_011_000},
            "invariants": None,
            "estimated": _refused("no_support", "the policy puts 100.0% of its probability where the log could not play (at most 1.0% is allowed)"),
            "contrast": _refused("no_support", "the policy puts 100.0% of its probability where the log could not play (at most 1.0% is allowed)"),
            "simultaneous": None, "model_dependent": False, "finding": "not_estimable",
        },
        {
            "policy_id": "reply-plain", "family": "response", "parent": "baseline", "factor": "response.transforms",
            "description": "The same words in a shape that a phone shows well.", "digest": "e5" * 32,
            "observed": None, "replayed": None,
            "invariants": {"answers": 1_286, "changed": 402, "violations": {"links_kept": 0, "numbers_kept": 2}},
            "estimated": _refused("too_few_units", "6 units played what the policy plays (at least 20 are needed)"),
            "contrast": _refused("too_few_units", "6 units played what the policy plays (at least 20 are needed)"),
            "simultaneous": None, "model_dependent": False, "finding": "not_estimable",
        },
    ]  # fmt: skip
    return {
        "schema": "tracebridge.ablation.v1",
        "replay_set": REPLAY_SET,
        "baseline": "baseline",
        "level": 0.95,
        "primary_metric": "outcome",
        "rows": rows,
        "winner": None,
        "sentence": "No clear winner: no variant is better than the baseline beyond doubt, and prompt-concise is worse.",
        "needs": "About 240 more judged turns from the control slice.",
    }


def estimates_document() -> Document:
    return {
        "schema": "tracebridge.estimates.v1",
        "replay_set": REPLAY_SET,
        "policies": [
            {
                "policy_id": "route-strong",
                "metric": "outcome",
                "estimates": {
                    "ipw": _estimate(0.7702, 0.7011, 0.8393, 1_312, 96, 61.4, 0.052, "ipw"),
                    "snipw": _estimate(0.7651, 0.7140, 0.8162, 1_312, 96, 61.4, 0.052, "snipw"),
                    "dr": _estimate(0.7664, 0.7191, 0.8137, 1_312, 96, 61.4, 0.052, "dr"),
                },
                "contrast": _estimate(0.057, 0.014, 0.100, 1_312, 96, 61.4, 0.052),
                "simultaneous": {"lo": -0.004, "hi": 0.118},
                "model_dependent": True,
                "by_day": _estimate(0.057, 0.002, 0.112, 1_312, 24, 18.2, 0.11),
            },
            {
                "policy_id": "prompt-concise",
                "metric": "outcome",
                "estimates": {
                    "ipw": _estimate(0.6120, 0.5420, 0.6820, 1_312, 96, 54.9, 0.071, "ipw"),
                    "snipw": _estimate(0.6555, 0.6011, 0.7099, 1_312, 96, 54.9, 0.071, "snipw"),
                    "dr": _estimate(0.6301, 0.5822, 0.6780, 1_312, 96, 54.9, 0.071, "dr"),
                },
                "contrast": _estimate(-0.0793, -0.121, -0.0376, 1_312, 96, 54.9, 0.071),
                "simultaneous": {"lo": -0.139, "hi": -0.0196},
                "model_dependent": False,
                "by_day": None,
            },
        ],
    }


def _estimate(
    value: float,
    lo: float,
    hi: float,
    n: int,
    clusters: int,
    ess: float,
    max_weight_share: float,
    estimator: str = "dr",
) -> Document:
    return {
        "value": value, "se": round((hi - lo) / 3.97, 6), "lo": lo, "hi": hi, "level": 0.95, "n": n,
        "clusters": clusters, "ess": ess, "max_weight": 8.0, "max_weight_share": max_weight_share,
        "mean_weight": 0.99, "unsupported_mass": 0.0, "tier": "A", "estimator": estimator,
    }  # fmt: skip


def _refused(reason: str, detail: str) -> Document:
    refusal: Document = {"not_estimable": reason, "detail": detail}
    return {metric: dict(refusal) for metric in ("outcome", "label", "cost", "latency")}


def observed_figures(
    turns: int, outcome: float, label: float | None, cost_usd: float | None, latency_s: float
) -> Document:
    return {
        "turns": turns,
        "mean_outcome": outcome,
        "mean_label": label,
        "mean_cost_usd": cost_usd,
        "mean_latency_s": latency_s,
    }
