"""Invoices and packing slips of several orders as one PDF each, carrier labels and all together as an archive."""

import tempfile
import zipfile
from collections.abc import Mapping
from typing import IO

from fastapi.responses import Response, StreamingResponse

from api.errors import unavailable
from api.presenters.document_views import sheet_of
from api.presenters.packing_slips import slips_of
from api.services.orders.order_printing import Printed, PrintKind
from domain.errors import NotFound
from domain.json_types import JsonFields
from infra.pdf.rendering import Unrendered, pdf_of_all
from infra.spreadsheets import chunks

PDF, ZIP = "application/pdf", "application/zip"


async def file_of(printed: Printed, lang: str) -> Response:
    """The file. Raises Problem `pdf_unavailable`, NotFound `nothing_to_print`."""
    if printed.kind is PrintKind.INVOICES:
        return Response(await _invoices(printed, lang), 200, _headers("invoices.pdf"), PDF)
    if printed.kind is PrintKind.PACKING_SLIPS:
        return Response(await _slips(printed, lang), 200, _headers("packing-slips.pdf"), PDF)
    archive = await _archive(printed, await _documents(printed, lang))
    name = "labels.zip" if printed.kind is PrintKind.LABELS else "orders.zip"
    return StreamingResponse(chunks(archive), 200, _headers(name), ZIP)


async def _documents(printed: Printed, lang: str) -> dict[str, bytes]:
    found = {"invoices.pdf": await _invoices(printed, lang)} if printed.invoices else {}
    return found | ({"packing-slips.pdf": await _slips(printed, lang)} if printed.orders else {})


async def _invoices(printed: Printed, lang: str) -> bytes:
    return await _made([sheet_of(one) for one in printed.invoices], lang)


async def _slips(printed: Printed, lang: str) -> bytes:
    return await _made([slip for order in printed.orders for slip in slips_of(order)], lang)


async def _made(sheets: list[JsonFields], lang: str) -> bytes:
    try:
        return await pdf_of_all(sheets, lang)
    except Unrendered:
        raise unavailable("pdf_unavailable", "the PDF could not be made just now; try again") from None


async def _archive(printed: Printed, documents: Mapping[str, bytes]) -> IO[bytes]:
    """On the disk: labels are not all in memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in documents.items():
            archive.writestr(name, content)
        labels = await _write_labels(archive, printed, "labels/" if documents else "")
        if printed.kind is PrintKind.ALL:
            archive.writestr("without-invoice.txt", _listed(printed.without_invoice))
    if not (labels or documents):
        file.close()
        raise NotFound("nothing_to_print")
    file.seek(0)
    return file


async def _write_labels(archive: zipfile.ZipFile, printed: Printed, folder: str) -> int:
    """How many there are; the orders without one are listed."""
    without, written = [], 0
    async for number, labels in printed.labels:
        for label in labels:
            archive.writestr(f"{folder}{label.name}", label.content)
        written += len(labels)
        without += [] if labels else [number]
    archive.writestr("without-label.txt", _listed(without))
    return written


def _listed(numbers: list[str]) -> str:
    return "".join(f"{number}\n" for number in numbers)


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
