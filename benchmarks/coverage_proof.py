"""Do the intervals hold the truth, and does the gate decide rightly? Counted over many seeds.

Run: ``python -m benchmarks.coverage_proof --seeds 100``; about eight seconds of CPU a seed. Seeds
that the same code has done before are read from ``build/coverage-proof`` instead of played again,
so a stopped proof goes on where it was. Exit code 1 if the proof fails.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.coverage_seed import (
    LEARNED,
    METRICS,
    Finding,
    findings_of_seed,
    worth_of_endings,
)
from tracebridge.adapters.code_version import code_version
from tracebridge.domain.verdict import Outcome

MUST_HOLD = 0.90
"""Share of its intervals at 95 % that must hold the truth: in 100 seeds a sound interval falls
below by chance in 1 case of 90, and one that holds in 85 % of worlds passes in 1 case of 10."""
WINNER, LOSER = "route-strong", "prompt-concise"
FOLDER = Path("build") / "coverage-proof"
MEMORY = Path("/dev/shm")
"""Where worlds are played if it exists: how long a disk takes says nothing about intervals."""

type Seeds = Mapping[int, Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Tally:
    """One policy on one metric, counted over all seeds that have it."""

    policy: str
    metric: str
    seeds: int
    estimable: int
    holds: int
    mean_width: float | None
    admitted: int
    rejected: int
    refusals: tuple[str, ...]
    known: bool
    """Whether there is a truth to hold; a policy without one must never be estimated."""

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Tally:
        """Count findings of one policy and metric, one a seed."""
        intervals = [it.interval for it in findings if it.interval]
        widths = [hi - lo for lo, hi in intervals]
        return cls(
            policy=findings[0].policy,
            metric=findings[0].metric,
            seeds=len(findings),
            estimable=len(intervals),
            holds=sum(it.holds() for it in findings),
            mean_width=sum(widths) / len(widths) if widths else None,
            admitted=sum(it.gate == Outcome.ADMIT for it in findings),
            rejected=sum(it.gate == Outcome.REJECT for it in findings),
            refusals=tuple(sorted({it.refusal for it in findings if it.refusal})),
            known=findings[0].truth is not None,
        )

    def row(self) -> tuple[str, ...]:
        """As it is printed."""
        return (
            self.policy,
            self.metric,
            str(self.seeds),
            str(self.estimable),
            f"{self.holds}/{self.estimable}" if self.estimable else "-",
            "-" if self.mean_width is None else f"{self.mean_width:.4f}",
            str(self.admitted),
            str(self.rejected),
            ", ".join(self.refusals) or "-",
        )

    def faults(self) -> Iterator[str]:
        """Why this policy breaks the proof."""
        if not self.known and self.estimable:
            yield f"{self.policy} was estimated on {self.metric} in {self.estimable} seeds"
        if self.known and self.holds < MUST_HOLD * self.estimable:
            yield f"{self.policy} holds the true {self.metric} in {self.holds}/{self.estimable}"
        if self.known and not self.estimable:
            yield f"{self.policy} was never estimated on {self.metric}"


HEAD = ("policy", "metric", "seeds", "estimable", "holds", "width", "admitted", "rejected", "why")


def main() -> int:
    chosen = _arguments()
    wanted = range(chosen.start, chosen.start + chosen.seeds)
    kept = FOLDER / f"{code_version()}-{chosen.chats}-chats.jsonl"
    done = {seed: found for seed, found in kept_findings(kept).items() if seed in wanted}
    _play([seed for seed in wanted if seed not in done], done, kept, chosen)
    tallies = _tallies(done)
    print(f"{len(done)} seeds from {wanted.start}, {chosen.chats} chats, code {code_version()}")
    print(_table([HEAD, *(tally.row() for tally in tallies)]))
    for line in _sentences(done, tallies):
        print(line)
    faults = [fault for tally in tallies for fault in tally.faults()]
    loser = next(tally for tally in tallies if tally.policy == LOSER)
    if loser.admitted:
        faults.append(f"the loser {LOSER} was admitted in {loser.admitted} seeds")
    print(*(f"FAILS: {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
    print("the proof fails" if faults else "the proof holds")
    return 1 if faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--chats", type=int, default=1200)
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _play(
    seeds: Sequence[int],
    done: dict[int, list[Finding]],
    kept: Path,
    chosen: argparse.Namespace,
) -> None:
    """Play what is missing, keep each seed as it comes, and say on stderr how far it is."""
    if not seeds:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = MEMORY if os.access(MEMORY, os.W_OK) else None
    worth = worth_of_endings()
    started = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.processes, mp_context=spawn) as pool:
        futures = {
            pool.submit(
                findings_of_seed, seed, chats=chosen.chats, worth=worth, scratch=scratch
            ): seed
            for seed in seeds
        }
        for count, future in enumerate(as_completed(futures), 1):
            seed, findings = futures[future], future.result()
            done[seed] = findings
            keep(kept, seed, findings)
            each = (time.monotonic() - started) / count
            left = each * (len(seeds) - count) / 60
            said = f"{count}/{len(seeds)} seeds, {each:.1f} s each, {left:.0f} min left"
            print(said, file=sys.stderr, flush=True)


def keep(kept: Path, seed: int, findings: Sequence[Finding]) -> None:
    """Add one seed to what is done."""
    line = {"seed": seed, "findings": [asdict(finding) for finding in findings]}
    with kept.open("ab+") as file:
        if file.tell() and _last_byte(file) != b"\n":
            file.write(b"\n")
        file.write(json.dumps(line).encode() + b"\n")


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def kept_findings(kept: Path) -> dict[int, list[Finding]]:
    """Seeds done before; a line that a stopped proof left unfinished is played again."""
    if not kept.exists():
        return {}
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [json.loads(line) for line in lines if line.endswith("}]}\n")]
    return {it["seed"]: [_finding(finding) for finding in it["findings"]] for it in records}


def _finding(document: dict[str, Any]) -> Finding:
    """A finding as it was kept: JSON knows lists where it had pairs."""
    pairs = {
        name: None if document[name] is None else tuple(document[name])
        for name in ("interval", "simultaneous")
    }
    return Finding(**document | pairs)


def _tallies(done: Seeds) -> list[Tally]:
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for seed in sorted(done):
        for finding in done[seed]:
            groups[finding.metric, finding.policy].append(finding)
    order = [metric.value for metric in METRICS]
    return [Tally.of(groups[key]) for key in sorted(groups, key=lambda k: (order.index(k[0]), k))]


def _sentences(done: Seeds, tallies: Sequence[Tally]) -> Iterator[str]:
    """What the table does not say by itself."""
    admitted = {tally.policy: tally for tally in tallies if tally.metric == METRICS[0].value}
    for name in (WINNER, LEARNED, LOSER):
        if name in admitted:
            yield f"{name} admitted: {admitted[name].admitted}/{admitted[name].seeds}"
    for metric in METRICS:
        together = 0
        for findings in done.values():
            compared = [it for it in findings if it.metric == metric.value and it.simultaneous]
            together += all(it.holds_uplift() for it in compared)
        yield f"all simultaneous intervals of the {metric} hold: {together}/{len(done)}"
    unknown = [tally for tally in tallies if not tally.known]
    yield f"policies without support estimated: {sum(tally.estimable for tally in unknown)} times"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
