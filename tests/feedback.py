"""Reactions, ledger entries and updates that tests write in a few words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tracebridge.domain.feedback import LedgerEntry, LedgerKind, Reaction

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)
CHAT = "500001"
GROUP = "-1001000000001"


def reaction(
    update_id: int = 1,
    *new: str,
    message_id: int = 102,
    chat_id: str = CHAT,
    actor: str = "actor_0000000000000001",
    actor_is_bot: bool = False,
    bot: str = "bot",
    kind: LedgerKind = LedgerKind.REACTION,
    after_s: float = 0.0,
    old: tuple[str, ...] = (),
    source: str = "test",
    received_at: datetime = RECEIVED,
) -> Reaction:
    return Reaction(
        bot=bot,
        update_id=update_id,
        kind=kind,
        chat_id=chat_id,
        message_id=message_id,
        thread_id=None,
        actor=actor,
        actor_is_bot=actor_is_bot,
        date=START + timedelta(seconds=after_s),
        old=old,
        new=new,
        source=source,
        received_at=received_at,
    )


def entries(reactions: Iterable[Reaction]) -> list[LedgerEntry]:
    """Entries of a ledger that nobody checks: folding does not look at the chain."""
    return [LedgerEntry(seq, "", "", it) for seq, it in enumerate(reactions, start=1)]


def update(
    update_id: int = 1,
    *new: str,
    message_id: int = 102,
    chat_id: int = 500001,
    user_id: int = 500001,
    date: int = 1_795_237_792,
    **changes: Any,
) -> dict[str, Any]:
    """A Bot API ``Update`` with a reaction; ``changes`` replace fields of its content."""
    content = {
        "chat": {"id": chat_id, "type": "private", "first_name": "Alice"},
        "message_id": message_id,
        "date": date,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": emoji} for emoji in new],
        "user": {"id": user_id, "is_bot": False, "first_name": "Alice", "username": "alice_demo"},
    }
    content = {name: it for name, it in (content | changes).items() if it is not None}
    return {"update_id": update_id, "message_reaction": content}
