"""Invoices and credit notes. The database gives the numbers and keeps them without gaps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.documents import SERIES, Amounts, DocumentKind, amounts_of, together
from domain.errors import Conflict, NotFound
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline

_ISSUE = text(
    """
    INSERT INTO documents (kind, series, order_no, refund_id, time_zone, issued_by, currency, total_minor, tax_minor,
                           content, billed_to_enc)
    VALUES (:kind, :series, :order_no, :refund_id, :time_zone, :issued_by, :currency, :total_minor, :tax_minor,
            CAST(:content AS jsonb), :billed_to_enc)
    RETURNING document_no, kind, order_no, refund_id, NULL AS supplement_to, return_id, dispute_id, total_minor,
              tax_minor, currency, issued_at
    """
)
# The invoice that a further one of its order stands beside.
_ADDS_TO = """(SELECT f.document_no FROM documents f
                      WHERE f.order_no = d.order_no AND f.kind = 'invoice' AND f.supplement_no IS NULL
                        AND f.return_id IS NULL AND (d.supplement_no IS NOT NULL OR d.return_id IS NOT NULL)
                   ) AS supplement_to"""
_FOUND = f"""
    SELECT document_no, kind, order_no, refund_id, {_ADDS_TO}, return_id, dispute_id, total_minor, tax_minor,
           currency, issued_at
      FROM documents d
"""  # noqa: S608
_INVOICE = text(
    f"{_FOUND} WHERE order_no = :order_no AND kind = 'invoice' AND supplement_no IS NULL AND return_id IS NULL"
)
_CREDIT_NOTE = text(
    f"{_FOUND} WHERE order_no = :order_no AND kind = 'credit_note' "
    "AND refund_id IS NOT DISTINCT FROM CAST(:refund_id AS text) AND dispute_id IS NULL"
)
_CONTENTS = text(
    "SELECT kind, currency, content, billed_to_enc FROM documents WHERE order_no = :order_no ORDER BY issued_at"
)
_MISSING = text("SELECT kind, reference, amount_minor, currency FROM missing_documents(:order_no)")
_MAKE_UP = text("SELECT issue_missing_documents(:order_no, :actor)")
_NUMBERED = text(f"{_FOUND} WHERE document_no = ANY(:numbers) ORDER BY issued_at, document_no")
_OF_ORDER = text(f"{_FOUND} WHERE order_no = :order_no ORDER BY issued_at, document_no")
_ONE = text(
    f"""
    SELECT d.document_no, d.kind, d.order_no, d.refund_id, d.return_id, d.dispute_id, d.total_minor, d.tax_minor,
           d.currency, d.issued_at,
           d.time_zone, d.content, d.billed_to_enc, o.customer_id, o.channel, c.data_key, {_ADDS_TO},
           (SELECT coalesce(jsonb_agg(jsonb_build_object('document_no', p.invoice_no, 'total_minor', p.total_minor,
                                                         'tax_minor', p.tax_minor)
                                      ORDER BY i.issued_at), '[]')
              FROM credit_note_parts p JOIN documents i ON i.document_no = p.invoice_no
             WHERE p.credit_note_no = d.document_no) AS corrections
      FROM documents d JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE d.document_no = :document_no
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to issue. `billed_to` is sealed under the customer's key, `seller` is frozen in clear."""

    kind: DocumentKind
    order_no: str
    refund_id: str | None
    currency: str
    amounts: Amounts
    seller: dict[str, str]
    billed_to: dict[str, str]
    time_zone: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was issued. A further invoice stands beside `supplement_to`."""

    document_no: str
    kind: DocumentKind
    order_no: str
    refund_id: str | None
    supplement_to: str | None
    return_id: str | None
    dispute_id: int | None
    total_minor: int
    tax_minor: int
    currency: str
    issued_at: datetime


class Correction(TypedDict):
    """What a credit note takes of an invoice."""

    document_no: str
    total_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDetail(Document):
    """The whole document, and whose it is; `billed_to` is None where the key is gone."""

    time_zone: str
    content: Mapping[str, object]
    customer_id: str
    channel: str
    corrections: Sequence[Correction]
    billed_to: Mapping[str, str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class MissingDocument:
    """Money of an invoiced order whose document was refused; `kind` is `supplement`, `claim` or `loss`."""

    kind: str
    reference: str
    amount_minor: int
    currency: str


async def issue(conn: AsyncConnection, keys: KeyRing, new: NewDocument) -> Document:
    """Keep the document and say so on the timeline. The caller has locked the order and saw none like it."""
    key = await data_key_of(conn, new.order_no)
    row = {
        "kind": new.kind,
        "series": SERIES[new.kind],
        "order_no": new.order_no,
        "refund_id": new.refund_id,
        "time_zone": new.time_zone,
        "issued_by": new.actor,
        "currency": new.currency,
        "total_minor": new.amounts.total_minor,
        "tax_minor": new.amounts.tax_minor,
        "content": json.dumps({"seller": new.seller, **new.amounts.content()}, ensure_ascii=False),
        # Of an erased customer nothing personal is kept: nothing could ever open it.
        "billed_to_enc": keys.seal_json(key, new.billed_to, _context(new.order_no)) if key else b"",
    }
    made = _document((await conn.execute(_ISSUE, row)).mappings().one())
    data = {"document_no": made.document_no, "total_minor": made.total_minor}
    await timeline.append(conn, new.order_no, f"{new.kind}_issued", new.actor, data=data)
    return made


async def invoice_of(conn: AsyncConnection, order_no: str) -> Document | None:
    """The order's first invoice, if it was issued."""
    row = (await conn.execute(_INVOICE, {"order_no": order_no})).mappings().one_or_none()
    return _document(row) if row else None


async def credit_note_of(conn: AsyncConnection, order_no: str, refund_id: str | None) -> Document | None:
    """The refund's credit note, or (None) that of the order's cancellation, if it was issued."""
    row = (await conn.execute(_CREDIT_NOTE, {"order_no": order_no, "refund_id": refund_id})).mappings().one_or_none()
    return _document(row) if row else None


def _document(row: RowMapping) -> Document:
    return Document(**{**row, "kind": DocumentKind(row["kind"])})


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """An order's invoices as they were kept, as one, and the credit notes since."""

    currency: str
    invoice: Amounts
    notes: list[Amounts]
    billed_to: dict[str, str]


async def load_state(conn: AsyncConnection, keys: KeyRing, order_no: str) -> InvoiceState | None:
    """None where there is no invoice yet."""
    rows = (await conn.execute(_CONTENTS, {"order_no": order_no})).all()
    invoices = [row for row in rows if row.kind == DocumentKind.INVOICE]
    if not invoices:
        return None
    whole = together([amounts_of(row.content) for row in invoices])
    notes = [amounts_of(row.content) for row in rows if row.kind == DocumentKind.CREDIT_NOTE]
    key = await data_key_of(conn, order_no)
    billed_to = keys.open_json(key, invoices[0].billed_to_enc or None, _context(order_no)) or {}
    return InvoiceState(invoices[0].currency, whole, notes, billed_to)


async def of_order(conn: AsyncConnection, order_no: str) -> list[Document]:
    """The order's documents, oldest first."""
    return [_document(row) for row in (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings()]


async def missing(conn: AsyncConnection, order_no: str) -> list[MissingDocument]:
    """The order's documents that are missing."""
    return [MissingDocument(**row) for row in (await conn.execute(_MISSING, {"order_no": order_no})).mappings()]


async def make_up(conn: AsyncConnection, order_no: str, actor: str) -> list[Document]:
    """Issue the documents that are missing; those that were issued. Raises Conflict `invoice_refused`."""
    try:
        async with conn.begin_nested():
            made = list((await conn.execute(_MAKE_UP, {"order_no": order_no, "actor": actor})).scalars())
    except DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", ""))[:2] not in ("21", "22", "23", "OM"):
            raise
        raise Conflict("invoice_refused") from None
    return [_document(row) for row in (await conn.execute(_NUMBERED, {"numbers": made})).mappings()]


async def one(conn: AsyncConnection, keys: KeyRing, document_no: str) -> DocumentDetail:
    """The whole document. Raises NotFound `document_not_found`."""
    row = (await conn.execute(_ONE, {"document_no": document_no})).mappings().one_or_none()
    if row is None:
        raise NotFound("document_not_found")
    known = {name: value for name, value in row.items() if name not in ("data_key", "billed_to_enc")}
    billed_to = keys.open_json(row["data_key"], row["billed_to_enc"] or None, _context(row["order_no"]))
    return DocumentDetail(**{**known, "kind": DocumentKind(row["kind"]), "billed_to": billed_to})


def _context(order_no: str) -> str:
    return f"{order_no}:billed_to"
