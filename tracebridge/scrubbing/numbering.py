"""Which groups of digits can be a telephone number: country codes and national lengths (E.164).

A written number is a run of digit groups, and what follows it in a text may be more digits; so
the question is always how many leading groups form a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_COUNTRY_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|(?:2[1-69]|3[578]|42|50|59|6[7-9]|8[578]|9[679])[0-9]"
)

_NATIONAL_LENGTHS: dict[str, range] = {
    "1": range(10, 11),
    "7": range(10, 11),
    "20": range(8, 11),
    "27": range(9, 10),
    "30": range(10, 11),
    "31": range(9, 10),
    "32": range(8, 10),
    "33": range(9, 10),
    "34": range(9, 10),
    "36": range(8, 10),
    "39": range(8, 12),
    "41": range(9, 10),
    "43": range(7, 14),
    "44": range(9, 11),
    "45": range(8, 9),
    "46": range(7, 11),
    "47": range(8, 9),
    "48": range(9, 10),
    "49": range(6, 14),
    "52": range(10, 12),
    "54": range(10, 12),
    "55": range(10, 12),
    "61": range(9, 10),
    "65": range(8, 9),
    "81": range(9, 11),
    "82": range(8, 11),
    "86": range(10, 12),
    "90": range(10, 11),
    "91": range(10, 11),
    "351": range(9, 10),
    "353": range(7, 10),
    "358": range(6, 12),
    "380": range(9, 10),
    "420": range(9, 10),
    "852": range(8, 9),
    "971": range(8, 10),
    "972": range(8, 10),
}
_OTHER_LENGTHS = range(7, 13)
_ZERO_AFTER_CODE = frozenset({"39"})
"""Italy keeps the 0 of its area codes in the international form."""


def country_code(digits: str) -> str | None:
    """The calling code that ``digits`` starts with (ITU-T E.164 list), or ``None``."""
    code = _COUNTRY_CODE.match(digits)
    return code.group() if code else None


def international_groups(groups: Sequence[str]) -> int:
    """How many leading groups form an international number; 0 if none do.

    ``groups`` are the digits after ``+`` or ``00``, split where the text splits them, at least
    one; a trunk zero in parentheses is left out by the caller. The longest fit wins.
    """
    code = country_code("".join(groups[:2]))
    if code is None or not _splits_after_code(groups, code):
        return 0
    lengths = _NATIONAL_LENGTHS.get(code, _OTHER_LENGTHS)
    best, total = 0, -len(code)
    for count, group in enumerate(groups, start=1):
        total += len(group)
        if total in lengths:
            best = count
    national = "".join(groups)[len(code) :]
    if code not in _ZERO_AFTER_CODE and national.startswith("0"):
        return 0
    if code == "1" and not is_north_american_area(national):
        return 0
    return best


def is_north_american_area(national: str) -> bool:
    """Whether a ten-digit number may start like this: area codes run from 2 to 9."""
    return national[:1] in set("23456789")


def _splits_after_code(groups: Sequence[str], code: str) -> bool:
    """A written number breaks right after its country code, not inside it or one digit later."""
    first = groups[0]
    return first == code or (first.startswith(code) and len(first) >= len(code) + 2)
