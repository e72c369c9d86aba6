"""Misbehaviour to order: which of the next calls of which provider go wrong, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from infra.sandbox.ledger import Ledger, Row, new_id

Target = Literal["payments", "carriers", "messages"]
Mode = Literal["error", "reject", "timeout_before", "timeout_after", "slow", "pending", "duplicate_webhook", "down"]

KINDS: dict[str, tuple[str, ...]] = {
    "payments": ("authorise", "capture", "void", "refund", "dispute", "lookup"),
    "carriers": ("book", "cancel", "lookup"),
    "messages": ("send",),
}


class FaultError(ValueError):
    """A fault that cannot be ordered; the message says why."""


@dataclass
class Fault:
    """`remaining` calls are still to be hit; a fault of mode `down` never runs out."""

    id: str
    target: Target
    mode: Mode
    remaining: int
    order_no: str | None
    kind: str | None

    def as_json(self) -> Row:
        match = {name: value for name, value in (("order_no", self.order_no), ("kind", self.kind)) if value}
        return {"id": self.id, "target": self.target, "mode": self.mode, "count": self.remaining, "match": match}


class Faults:
    """The orders are kept in the ledger too: a restart in the middle of an outage does not end it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        rows = ledger.all("SELECT id, target, mode, remaining, order_no, kind FROM faults ORDER BY seq")
        self._active = [Fault(**row) for row in rows]

    def add(self, body: Row) -> Row:
        """Take `{target, mode, count, match?: {order_no?, kind?}}`. Raises FaultError."""
        fault = _parsed(body)
        with self._ledger.write():
            self._ledger.insert("faults", vars(fault))
        self._active.append(fault)
        return fault.as_json()

    def as_json(self) -> list[Row]:
        return [fault.as_json() for fault in self._active]

    def clear(self) -> int:
        """End every fault; returns how many there were."""
        with self._ledger.write():
            self._ledger.run("DELETE FROM faults")
        count = len(self._active)
        self._active.clear()
        return count

    def take(self, target: Target, kind: str, order_no: Callable[[], str | None]) -> Mode | None:
        """The mode that this call meets, used up by one. An outage goes before anything counted."""
        hits = [
            fault
            for fault in self._active
            if fault.mode != "duplicate_webhook" and _matches(fault, target, kind, order_no)
        ]
        if not hits:
            return None
        fault = next((fault for fault in hits if fault.mode == "down"), hits[0])
        self._use(fault)
        return fault.mode

    def copies(self, target: Target, kind: str, order_no: str) -> int:
        """How often the next webhook of this kind goes out: 1, or 2 under `duplicate_webhook`."""
        for fault in self._active:
            if fault.mode == "duplicate_webhook" and _matches(fault, target, kind, lambda: order_no):
                self._use(fault)
                return 2
        return 1

    def _use(self, fault: Fault) -> None:
        if fault.mode == "down":
            return
        fault.remaining -= 1
        with self._ledger.write():
            self._ledger.run("UPDATE faults SET remaining = ? WHERE id = ?", fault.remaining, fault.id)
            if not fault.remaining:
                self._ledger.run("DELETE FROM faults WHERE id = ?", fault.id)
        if not fault.remaining:
            self._active.remove(fault)


def _matches(fault: Fault, target: Target, kind: str, order_no: Callable[[], str | None]) -> bool:
    return (
        fault.target == target
        and fault.kind in (None, kind)
        and (fault.order_no is None or fault.order_no == order_no())
    )


def _parsed(body: Row) -> Fault:
    target, mode, count, match = body.get("target"), body.get("mode"), body.get("count", 1), body.get("match") or {}
    if target not in get_args(Target):
        raise FaultError(f"target must be one of {', '.join(get_args(Target))}")
    if mode not in get_args(Mode):
        raise FaultError(f"mode must be one of {', '.join(get_args(Mode))}")
    if mode == "pending" and target != "payments":
        raise FaultError("pending is a mode of payments only")
    if type(count) is not int or not 0 < count < 2**31:
        raise FaultError("count must be a positive integer")
    order_no, kind = _parsed_match(cast(str, target), match)
    return Fault(new_id("flt"), cast(Target, target), cast(Mode, mode), count, order_no, kind)


def _parsed_match(target: str, match: object) -> tuple[str | None, str | None]:
    if not isinstance(match, dict) or match.keys() - {"order_no", "kind"}:
        raise FaultError("match may name order_no and kind")
    order_no, kind = match.get("order_no"), match.get("kind")
    if order_no is not None and not isinstance(order_no, str):
        raise FaultError("match.order_no must be a text")
    if kind is not None and kind not in KINDS[target]:
        raise FaultError(f"match.kind of {target} must be one of {', '.join(KINDS[target])}")
    return order_no, kind
