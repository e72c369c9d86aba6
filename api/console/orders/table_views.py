"""Forms beside the table of orders: save and delete views, choose columns; and the table as a file."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.i18n import WORDS
from api.console.orders.table import RefusedView, shown_table
from api.console.orders.table_query import PATH, AskedRightly, Parameters, parsed, view_link
from api.console.session import CurrentStaff, posted
from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of
from api.pages.i18n import language
from api.presenters import order_files, situations
from api.schemas.fields import LINE
from api.schemas.orders.views import SaveView
from api.services.orders import order_export, orders_table, saved_views
from api.services.orders.order_types import OrderRow
from domain.access import Principal
from domain.errors import Conflict
from domain.orders.bulk_actions import MAX_ORDERS
from domain.orders.table_columns import Column
from domain.situations.actions import AtStake
from domain.situations.wording import utc

router = APIRouter(prefix=PATH)
OrderNo = Annotated[str, Query(max_length=40, pattern=LINE)]


@router.post("/views")
async def save(request: Request, member: CurrentStaff) -> Response:
    """Save the filters of the page under a name."""
    fields = await posted(request, member)
    asked = parsed(dict(parse_qsl(fields.get("here", ""))))
    try:
        body = await _view(request, asked, fields)
        await saved_views.save(services_of(request), member.principal, key_of(fields), digest(body), body)
    except (Problem, Conflict) as problem:
        status = problem.status_code if isinstance(problem, Problem) else 409
        refused = RefusedView(fields.get("name", ""), "shared" in fields, fields.get("key", ""), problem)
        return await shown_table(request, member, asked, status, refused)
    return RedirectResponse(view_link(body.filters.model_dump(mode="json", exclude_none=True)), 303)


async def _view(request: Request, asked: Parameters, fields: Mapping[str, str]) -> SaveView:
    """Raises Problem `invalid_value`, `one_customer`."""
    kept = asked.kept
    if typed := asked.values.get("customer"):
        kept["customer"] = await orders_table.customer_id(services_of(request), typed)
    return fitting(SaveView, {"name": fields.get("name", ""), "filters": kept, "shared": "shared" in fields})


@router.post("/views/{view_id}/delete")
async def remove(request: Request, member: CurrentStaff, view_id: str) -> Response:
    """Delete a view of one's own; an admin deletes shared ones, too."""
    await posted(request, member)
    await saved_views.remove(services_of(request), member.principal, view_id)
    return RedirectResponse(PATH, 303)


@router.post("/columns")
async def choose(request: Request, member: CurrentStaff) -> Response:
    """Show these columns from now on; none at all stands for the usual ones."""
    fields = await posted(request, member)
    columns = [column for column in Column if f"column.{column}" in fields]
    await saved_views.choose_columns(services_of(request), member.principal, columns or list(Column))
    here = urlencode(parse_qsl(fields.get("here", "")))
    return RedirectResponse(f"{PATH}?{here}" if here else PATH, 303)


@router.get("/export")
async def export(
    request: Request,
    member: CurrentStaff,
    asked: AskedRightly,
    format: Literal["csv", "xlsx"] = "csv",
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
) -> Response:
    """The orders of the page, or the chosen ones, as a file in the reader's language."""
    services, caller, lang = services_of(request), member.principal, language(request)
    filters, among = await order_export.begin(
        services, caller, format, asked.filters(), order_no, asked.get("customer")
    )
    pages = order_export.pages(services, caller, filters, asked.query().sort, among)
    header = [WORDS.speaker(lang)(f"export.{name}") for name in order_files.columns_for(caller)]
    sentence = partial(_sentence, caller=caller, lang=lang)
    cells_of = partial(order_files.cells, caller=caller, say=partial(WORDS.code_words, lang), sentence=sentence)
    send = order_files.csv_file if format == "csv" else order_files.xlsx_file
    return await send(pages, header, cells_of)


def _sentence(row: OrderRow, caller: Principal, lang: str) -> str:
    facts = row["situation_facts"]
    return str(situations.localized(facts, caller, (), (), AtStake(), lang, utc)["sentence"])
