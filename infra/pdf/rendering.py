"""Asks a process of its own for a PDF: it takes half a second and 140 MiB, then both are free again.

That process knows no secret and no address of the database; it reads one document and writes one PDF.
"""

import asyncio
import logging
from typing import Any

import orjson

from domain.text import counted
from infra import child_process

logger = logging.getLogger(__name__)

# So many at once: a crowd that asks for invoices waits, orders do not.
_ROOM = asyncio.Semaphore(2)
_TIMEOUT_S = 30.0


class Unrendered(Exception):
    """No PDF came in time."""


async def pdf_of(sheet: dict[str, Any], lang: str) -> bytes:
    """The document as PDF; equal documents give equal bytes. Raises Unrendered, also when too many ask before."""
    return await _in_turn("infra.pdf.sheet", {"lang": lang, "sheet": sheet}, sheet["document_no"])


async def pdf_of_all(sheets: list[dict[str, Any]], lang: str) -> bytes:
    """Several documents as one PDF, each on pages of its own. Raises Unrendered, also when too many ask before."""
    return await _in_turn("infra.pdf.collected", {"lang": lang, "sheets": sheets}, counted(len(sheets), "document"))


async def manifest_pdf(sheet: dict[str, Any], lang: str) -> bytes:
    """What a carrier signs. Raises Unrendered, also when too many ask before."""
    return await _in_turn("infra.pdf.manifests", {"lang": lang, "sheet": sheet}, sheet["document_no"])


async def _in_turn(module: str, request: dict[str, Any], what: str) -> bytes:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await _ROOM.acquire()
    except TimeoutError:
        raise Unrendered from None
    try:
        return await _made(module, orjson.dumps(request), what)
    finally:
        _ROOM.release()


async def _made(module: str, request: bytes, document_no: str) -> bytes:
    try:
        code, content = await child_process.output_of(module, (), request, _TIMEOUT_S)
    except TimeoutError:
        logger.error("a PDF was not made in time", extra={"document_no": document_no})
        raise Unrendered from None
    if code != 0:
        logger.error("a PDF was not made", extra={"document_no": document_no, "exit": code})
        raise Unrendered
    return content
