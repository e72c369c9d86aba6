"""The providers' own books: one SQLite file, written by one connection in the event loop's thread.

Every effect is committed before the caller gets its answer, so a killed process forgets nothing it has said.
Names, addresses and message texts never come in here; what must be recognised again is kept as a SHA-256.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_no TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('succeeded', 'pending', 'failed')),
  idempotency_key TEXT NOT NULL UNIQUE,
  error_code TEXT, risk TEXT,
  parent_id TEXT REFERENCES payments (id),
  created_at TEXT NOT NULL,
  decide_at REAL);
CREATE INDEX IF NOT EXISTS payments_order ON payments (order_no);
CREATE INDEX IF NOT EXISTS payments_parent ON payments (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_undecided ON payments (decide_at) WHERE decide_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS authorisation_ends (
  payment_id TEXT PRIMARY KEY REFERENCES payments (id),
  expires_at TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS disputes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_no TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  reason TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS disputes_payment ON disputes (payment_id);

CREATE TABLE IF NOT EXISTS dispute_deadlines (
  dispute_id TEXT PRIMARY KEY REFERENCES disputes (id),
  due_at TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS dispute_answers (
  dispute_id TEXT PRIMARY KEY REFERENCES disputes (id),
  answer TEXT NOT NULL CHECK (answer IN ('evidence', 'accepted')),
  given TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS shipments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  order_no TEXT NOT NULL,
  status TEXT NOT NULL
    CHECK (status IN ('booked', 'picked_up', 'in_transit', 'delivered', 'lost', 'refused', 'cancelled')),
  tracking_no TEXT NOT NULL UNIQUE,
  cost_minor INTEGER NOT NULL, currency TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE, cancel_key TEXT,
  fingerprint TEXT NOT NULL, address_hash TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL, occurred_at TEXT NOT NULL,
  move_at REAL);
CREATE INDEX IF NOT EXISTS shipments_order ON shipments (order_no);
CREATE INDEX IF NOT EXISTS shipments_cancel ON shipments (cancel_key) WHERE cancel_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS shipments_moving ON shipments (move_at) WHERE move_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS delivery_slots (
  shipment_id TEXT PRIMARY KEY REFERENCES shipments (id),
  slot_from TEXT NOT NULL, slot_to TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL, template TEXT NOT NULL, order_no TEXT,
  to_hash TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_order ON messages (order_no);

CREATE TABLE IF NOT EXISTS webhooks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL,
  copies INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS faults (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  target TEXT NOT NULL, mode TEXT NOT NULL, remaining INTEGER NOT NULL,
  order_no TEXT, kind TEXT);
"""


class Ledger:
    """Plain access to the tables; no rule of any provider lives here."""

    def __init__(self, directory: Path) -> None:
        """Open or create the ledger. Raises sqlite3.OperationalError if another process uses it."""
        directory.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(directory / "sandbox.db", isolation_level=None, timeout=5, cached_statements=256)
        self._db.row_factory = _as_dict
        # Two processes on one file would each trust their own memory of faults and webhooks.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, committed on leaving; joins the one already open. No await may happen inside."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def one(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: object) -> None:
        self._db.execute(sql, values)

    def insert(self, table: str, row: Row) -> None:
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def _as_dict(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def rfc3339(at: float | None = None) -> str:
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(value: object) -> str:
    """SHA-256, in hexadecimal, of a text or of any JSON value (its keys in sorted order)."""
    data = value.encode() if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()
