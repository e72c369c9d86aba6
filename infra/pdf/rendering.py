"""Asks a process of its own for a PDF: it takes half a second and 140 MiB, then both are free again.

That process knows no secret and no address of the database; it reads one document and writes one PDF.
"""

import asyncio
import logging
import os
import sys
from typing import Any

import orjson

logger = logging.getLogger(__name__)

# So many at once: a crowd that asks for invoices waits, orders do not.
_ROOM = asyncio.Semaphore(2)
_TIMEOUT_S = 30.0
_INHERITED = ("PATH", "PYTHONPATH", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class Unrendered(Exception):
    """No PDF came in time."""


async def pdf_of(sheet: dict[str, Any], lang: str) -> bytes:
    """The document as PDF; equal documents give equal bytes. Raises Unrendered, also when too many ask before."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await _ROOM.acquire()
    except TimeoutError:
        raise Unrendered from None
    try:
        return await _made(orjson.dumps({"lang": lang, "sheet": sheet}), sheet["document_no"])
    finally:
        _ROOM.release()


async def _made(request: bytes, document_no: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.pdf.sheet",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            content, _ = await child.communicate(request)
    except TimeoutError:
        logger.error("a PDF was not made in time", extra={"document_no": document_no})
        raise Unrendered from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        logger.error("a PDF was not made", extra={"document_no": document_no, "exit": child.returncode})
        raise Unrendered
    return content


def _environment() -> dict[str, str]:
    """No secret goes along; sets and dictionaries of the child are ordered alike every time."""
    return {"PYTHONHASHSEED": "0", **{name: os.environ[name] for name in _INHERITED if name in os.environ}}
