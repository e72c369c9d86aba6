"""Products from a CSV file: uploaded, previewed row by row, applied."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from api.console.catalogue.fields import FormErrors
from api.console.forms import key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.notices import acknowledged
from api.presenters import catalogue_files
from api.services.catalogue import product_imports
from api.services.catalogue.product_imports import UploadedFile
from domain.access import Role
from domain.errors import RuleBroken
from domain.product_imports import DUE, MAX_ROWS, ImportState, RowOutcome

router = APIRouter(prefix="/console")
_ON_A_PAGE = 50
_UPLOAD = "/console/new/product-import"
# What is wrong with the file, at its field.
_OF_THE_FILE = ("import_unreadable", "import_columns", "import_empty", "import_too_large", "body_too_large")


@router.get("/new/product-import")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a file."""
    require(member.principal, Role.OPERATIONS)
    return _form(request, member)


@router.post("/new/product-import")
async def upload(request: Request, member: CurrentStaff) -> Response:
    """Read the file and go on to its preview."""
    require(member.principal, Role.OPERATIONS)
    try:
        fields = await posted(request, member)
        file = (await request.form()).get("file")
        if not isinstance(file, UploadFile) or not file.size:
            raise RuleBroken("import_empty")
        uploaded = UploadedFile(file.filename or "", file.file)
        answer = await product_imports.preview(services_of(request), member.principal, key_of(fields), uploaded)
    except (Problem, RuleBroken) as refused:
        if refused.code not in _OF_THE_FILE:
            raise
        return _form(request, member, FormErrors(request, refused))
    return RedirectResponse(_path(product_imports.import_of(answer)), 303)


@router.get("/product-imports/{import_id}")
async def preview(
    request: Request, member: CurrentStaff, import_id: str, outcome: str = "", cursor: str | None = None
) -> Response:
    """What each row would do, or did."""
    require(member.principal, Role.OPERATIONS)
    services, chosen = services_of(request), next((one for one in RowOutcome if one == outcome), None)
    found = await product_imports.found(services, import_id)
    rows, following = await product_imports.rows(services, import_id, chosen, _ON_A_PAGE, cursor or None)
    kept = {"outcome": chosen.value} if chosen else {}
    context: dict[str, Any] = {
        "found": found,
        "rows": rows,
        "chosen": chosen,
        "home": _path(import_id),
        "due": sum(found.counts.get(one, 0) for one in DUE),
        "running": found.state is ImportState.APPLYING,
        "outcomes": [one for one in RowOutcome if one in found.counts],
        "next": f"{_path(import_id)}?{urlencode({**kept, 'cursor': following})}" if following else "",
        "key": new_key(),
    }
    return page(request, "product_import.html", member=member, **context)


@router.get("/product-imports/{import_id}/progress")
async def progress(request: Request, member: CurrentStaff, import_id: str) -> Response:
    """How far it is, for the page that shows it."""
    require(member.principal, Role.OPERATIONS)
    found = await product_imports.found(services_of(request), import_id)
    return page(request, "product_import_progress.html", member=member, found=found, **_moved(found.counts))


@router.get("/product-imports/{import_id}/rows.csv")
async def outcomes(request: Request, member: CurrentStaff, import_id: str) -> Response:
    """All rows with their outcome, as a file."""
    require(member.principal, Role.OPERATIONS)
    services = services_of(request)
    await product_imports.found(services, import_id)
    pages = product_imports.every_row(services, import_id)
    return catalogue_files.csv_of("import", catalogue_files.IMPORT_COLUMNS, pages, catalogue_files.import_cells)


@router.get("/product-imports/{import_id}/apply")
async def again(member: CurrentStaff, import_id: str) -> Response:
    """Whoever loads the answer to the form again comes to the import."""
    return RedirectResponse(_path(import_id), 303)


@router.post("/product-imports/{import_id}/apply")
async def apply(request: Request, member: CurrentStaff, import_id: str) -> Response:
    """Apply the rows; sent twice, it is applied once."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    try:
        await product_imports.apply(services_of(request), member.principal, key_of(fields), import_id)
    except RuleBroken as refused:
        if refused.code != "import_applied":
            raise
    return acknowledged(request, _path(import_id), "done.import_applied")


def _path(import_id: str) -> str:
    return f"/console/product-imports/{import_id}"


def _moved(counts: dict[str, int]) -> dict[str, int]:
    """The rows that are applied, and those that wait."""
    done = sum(counts.get(one, 0) for one in (RowOutcome.CREATED, RowOutcome.CHANGED, RowOutcome.FAILED))
    return {"done": done, "due": sum(counts.get(one, 0) for one in DUE)}


def _form(request: Request, member: StaffMember, errors: FormErrors | None = None) -> Response:
    context: dict[str, Any] = {"errors": errors, "key": new_key(), "most": f"{MAX_ROWS:,}"}
    return page(
        request, "product_import_upload.html", status=errors.status if errors else 200, member=member, **context
    )
