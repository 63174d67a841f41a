"""The lines of a file that anybody may have written, one JSON object each.

Every limit is checked before the work it bounds: length before parsing, bracket count before
nesting is measured. What cannot be trusted becomes a `Quarantined`, and reading goes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from tracebridge.domain.errors import IngestError
from tracebridge.domain.events import Quarantined, QuarantineReason

DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024
DEFAULT_MAX_DEPTH = 128
"""Real entries nest below 20; deeper JSON is an attack or an accident."""

_INT_RANGE = range(-(2**63), 2**64)
_BUFFER_BYTES = 256 * 1024
_DRAIN_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UNFINISHED = frozenset({QuarantineReason.NOT_JSON, QuarantineReason.NOT_UTF8})


class Line(NamedTuple):
    """One line that holds one JSON object. A tuple: there are very many, each used once."""

    number: int
    """1-based; blank lines are counted here, and nowhere else."""
    offset: int
    """Byte offset of its first byte."""
    length: int
    """Bytes, newline excluded."""
    raw: bytes
    """White space and newline at its ends removed."""
    value: dict[str, object]


class BadLine(Exception):  # noqa: N818 - a finding about a line, never raised to a caller
    """A line cannot be used: why, and what is wrong with it, without any of its content."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class LineReader:
    """Iterates over the non-blank lines of one file, once, and keeps the file's account.

    The last line counts even without a newline if it is complete JSON; if it is not, its writer
    may still be at work: it is neither read nor quarantined, and ``torn_tail`` is set. After
    the iteration ``sha256`` and ``size_bytes`` speak of exactly the bytes that were read.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        max_depth: int = DEFAULT_MAX_DEPTH,
    ) -> None:
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._max_depth = max_depth
        self._digest = sha256()
        self.size_bytes = 0
        self.lines = 0
        """Non-blank lines so far, the torn tail included."""
        self.torn_tail = False

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the bytes read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Line | Quarantined]:
        """Yield each non-blank line as a `Line` or a `Quarantined`, in file order.

        Raises:
            IngestError: the file cannot be opened or read.
        """
        try:
            with self._path.open("rb", buffering=_BUFFER_BYTES) as file:
                yield from self._lines(file)
        except OSError as error:
            raise IngestError(
                f"{self._path}: cannot be read ({error.strerror}); check that it exists and that "
                f"this user may read it."
            ) from error

    def _lines(self, file: BinaryIO) -> Iterator[Line | Quarantined]:
        number = 0
        while line := file.readline(self._max_line_bytes + 1):
            number += 1
            offset = self.size_bytes
            self._count(line)
            if len(line) > self._max_line_bytes and not line.endswith(b"\n"):
                self.lines += 1
                yield self._too_long(file, number, offset, len(line))
                continue
            raw = line.strip().removeprefix(_BOM) if number == 1 else line.strip()
            if not raw:
                continue
            self.lines += 1
            length = len(line) - line.endswith(b"\n")
            try:
                value = parse_object(raw, self._max_depth)
            except BadLine as bad:
                if bad.reason in _UNFINISHED and not line.endswith(b"\n"):
                    self.torn_tail = True
                    return
                yield self.quarantined(number, offset, length, bad)
                continue
            yield Line(number, offset, length, raw, value)

    def quarantined(self, number: int, offset: int, length: int, bad: BadLine) -> Quarantined:
        """The finding about one line of this file."""
        return Quarantined(self._path.name, number, offset, length, bad.reason, bad.detail)

    def _too_long(self, file: BinaryIO, number: int, offset: int, length: int) -> Quarantined:
        while piece := file.readline(_DRAIN_BYTES):
            self._count(piece)
            length += len(piece)
            if piece.endswith(b"\n"):
                length -= 1
                break
        detail = f"the line is longer than {self._max_line_bytes} bytes"
        return self.quarantined(number, offset, length, BadLine(QuarantineReason.TOO_LONG, detail))

    def _count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size_bytes += len(piece)


def parse_object(raw: bytes, max_depth: int = DEFAULT_MAX_DEPTH) -> dict[str, object]:
    """One JSON object, parsed strictly.

    Refused, beyond what is not JSON: anything but an object, a repeated key, NaN and infinity,
    integers that 64 bits cannot hold, signed or unsigned, floats beyond double range, half a
    surrogate pair, and nesting deeper than ``max_depth``.

    Raises:
        BadLine: with the reason.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _diagnose(raw, error) from error
    if not isinstance(value, dict):
        raise BadLine(QuarantineReason.NOT_AN_OBJECT, "the line is JSON but not an object")
    if raw.count(b"{") + raw.count(b"[") > max_depth and _depth(value) > max_depth:
        raise _too_deep(max_depth)
    # A compact line that comes out as it went in repeats no key and loses no digit; any other
    # line goes through the slow parser, which sees every key and every number as written.
    if orjson.dumps(value) != raw:
        _parse_strictly(raw.decode())
    return value


def _diagnose(raw: bytes, error: orjson.JSONDecodeError) -> BadLine:
    """Why a line that the fast parser refused is bad."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as undecodable:
        detail = f"byte {undecodable.start + 1} of the line is not UTF-8"
        return BadLine(QuarantineReason.NOT_UTF8, detail)
    if "depth limit" in error.msg:
        return BadLine(QuarantineReason.TOO_DEEP, "the line nests deeper than the parser can go")
    try:
        _parse_strictly(text)
        if not _is_encodable(text):
            return BadLine(QuarantineReason.LONE_SURROGATE, "a string holds half a surrogate pair")
    except BadLine as bad:
        return bad
    return BadLine(QuarantineReason.NOT_JSON, f"the line is not JSON from character {error.pos}")


def _parse_strictly(text: str) -> object:
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_int=_small_int,
            parse_float=_finite_float,
            parse_constant=_no_constant,
        )
    except RecursionError as error:
        detail = "the line nests deeper than the parser can go"
        raise BadLine(QuarantineReason.TOO_DEEP, detail) from error
    except json.JSONDecodeError as error:
        detail = f"the line is not JSON from character {error.pos}"
        raise BadLine(QuarantineReason.NOT_JSON, detail) from error


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadLine(QuarantineReason.DUPLICATE_KEY, "an object has the same key twice")
    return value


def _small_int(digits: str) -> int:
    # 64 bits need 20 characters; longer ones are refused before they cost quadratic time.
    if len(digits) <= 20 and int(digits) in _INT_RANGE:
        return int(digits)
    raise BadLine(QuarantineReason.NUMBER_RANGE, "an integer does not fit into 64 bits")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise BadLine(QuarantineReason.NUMBER_RANGE, "a number is beyond double range")
    return value


def _no_constant(name: str) -> float:
    raise BadLine(QuarantineReason.NUMBER_RANGE, f"{name} is not a JSON number")


def _is_encodable(text: str) -> bool:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(value: object) -> int:
    """Levels of nesting, level by level, so that no input can exhaust the stack."""
    depth = 0
    level = [value]
    while level:
        depth += 1
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)  # type: ignore[attr-defined]
            if isinstance(child, (dict, list))
        ]
    return depth


def _too_deep(max_depth: int) -> BadLine:
    detail = f"the line nests deeper than {max_depth} levels"
    return BadLine(QuarantineReason.TOO_DEEP, detail)
