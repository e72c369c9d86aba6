"""Adding and editing a product, and its picture."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key, whole
from api.console.i18n import LANGUAGES
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.pages.uploads import form_with_files, uploaded
from api.schemas.stock import ChangeProduct, NewProduct
from api.services.catalogue import product_entries
from api.services.catalogue.line_products import picture_address
from api.services.catalogue.product_entries import ProductEdit
from api.services.catalogue.product_rows import price_of
from api.services.files import file_store
from domain.access import Role
from domain.errors import RuleBroken
from domain.money import written
from domain.products import DeliveredBy, ProductKind, TaxCategory

router = APIRouter(prefix="/console")
_EMPTY = {"weight_g": "500", "tax_category": TaxCategory.STANDARD.value, "active": "on"}
_PROMISED = (Problem, RuleBroken)
# Where a name was typed without its language: no tag, so that the model refuses it.
NO_LANGUAGE = "none"


@router.get("/new/product")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a product that is not there yet."""
    require(member.principal, Role.OPERATIONS)
    return _form(request, member, None, _EMPTY)


@router.post("/new/product")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Add it, and go on to its page."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    try:
        body = fitting(NewProduct, _new_body(fields))
        await product_entries.add(services_of(request), member.principal, key_of(fields), digest(body), body)
    except _PROMISED as refused:
        return _form(request, member, None, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, address(body.sku), "done.product_added", name=body.name)


@router.get("/products/{sku}/edit")
async def edit(request: Request, member: CurrentStaff, sku: str) -> Response:
    """The form of a product."""
    require(member.principal, Role.OPERATIONS)
    product = await product_entries.product(services_of(request), sku)
    return _form(request, member, product, _fields_of(product))


@router.post("/products/{sku}/edit")
async def change(request: Request, member: CurrentStaff, sku: str) -> Response:
    """Save it. Where somebody else changed it meanwhile, the form keeps what was typed and shows their values."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    product = await product_entries.product(services_of(request), sku)
    try:
        body = fitting(ChangeProduct, _details(fields, product.currency, product.names))
        wanted = _edit(request, member, fields, sku, digest(body))
        await product_entries.change(wanted, body)
    except _PROMISED as refused:
        product = await product_entries.product(services_of(request), sku)
        return _form(request, member, product, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, address(sku), "done.product_saved", name=body.name)


@router.get("/products/{sku}/picture")
async def again(member: CurrentStaff, sku: str) -> Response:
    """Whoever loads the answer to an upload again comes to the form."""
    return RedirectResponse(f"{address(sku)}/edit", 303)


@router.post("/products/{sku}/picture")
async def picture(request: Request, member: CurrentStaff, sku: str) -> Response:
    """Show the uploaded picture, or none."""
    require(member.principal, Role.OPERATIONS)
    try:
        fields = await form_with_files(posted(request, member))
        done = await _removed(request, member, fields, sku) if fields.get("remove") else await _uploaded(
            request, member, fields, sku
        )  # fmt: skip
    except _PROMISED as refused:
        if isinstance(refused, Problem) and refused.code == "form_expired":
            raise
        product = await product_entries.product(services_of(request), sku)
        return _form(request, member, product, _fields_of(product), FormErrors(request, refused))
    return acknowledged(request, address(sku), done)


async def _removed(request: Request, member: StaffMember, fields: dict[str, str], sku: str) -> str:
    body = ChangeProduct(picture_id=None)
    await product_entries.change(_edit(request, member, fields, sku, digest(body)), body)
    return "done.picture_removed"


async def _uploaded(request: Request, member: StaffMember, fields: dict[str, str], sku: str) -> str:
    contents = await uploaded(request, "picture")
    if not contents:
        raise RuleBroken("picture_invalid")
    checked = await file_store.checked_picture(contents[0])
    once = file_store.digest_of(f"picture {sku}", contents[0])
    await product_entries.set_picture(_edit(request, member, fields, sku, once), checked)
    return "done.picture_saved"


def address(sku: str) -> str:
    """The page of a product."""
    return f"/console/products/{quote(sku, safe='')}"


def _edit(request: Request, member: StaffMember, fields: dict[str, str], sku: str, once: bytes) -> ProductEdit:
    versions = frozenset({fields.get("version", "")})
    return ProductEdit(services_of(request), member.principal, key_of(fields), once, sku, versions)


def _new_body(fields: dict[str, str]) -> dict[str, Any]:
    currency = fields.get("currency", "").strip().upper()
    return {**typed.texts(fields, "sku"), "currency": currency, **_details(fields, currency, {})}


def _details(fields: dict[str, str], currency: str, names: dict[str, str]) -> dict[str, Any]:
    barcode = fields.get("barcode", "").replace(" ", "").replace("-", "")
    return {
        "name": fields.get("name", "").strip(),
        "names": _names(names, fields),
        "price_minor": price_of(fields.get("price", ""), currency),
        "weight_g": whole(fields.get("weight_g", "")),
        "barcode": barcode or None,
        "tax_category": fields.get("tax_category", ""),
        "category": fields.get("category", "").strip() or None,
        "active": bool(fields.get("active")),
        **_supply(fields),
    }


def _supply(fields: dict[str, str]) -> dict[str, Any]:
    """How it is supplied; days that were left out are none."""
    days = {name: fields.get(name, "").strip() for name in ("lead_time_days", "confirmed_after_days")}
    codes = {"kind": ProductKind.PHYSICAL.value, "delivered_by": DeliveredBy.CODE.value}
    return {
        **{name: fields.get(name, default) for name, default in codes.items()},
        **{name: whole(typed) if typed else None for name, typed in days.items()},
    }


def _names(names: dict[str, str], fields: dict[str, str]) -> dict[str, str]:
    """The names by language, with that of a language that is added."""
    languages = tuple(field.removeprefix("name_") for field in fields if field.startswith("name_"))
    named = typed.named(names, fields, languages)
    added, name = (fields.get(field, "").strip() for field in ("new_language", "new_name"))
    return {**named, added or NO_LANGUAGE: name} if added or name else named


def _fields_of(product: Any) -> dict[str, str]:
    """A product as its form has it."""
    return {
        **{f"name_{lang}": product.names.get(lang, "") for lang in (*LANGUAGES, *product.names)},
        "name": product.name,
        "price": written(product.price_minor, product.currency),
        "weight_g": str(product.weight_g),
        "barcode": product.barcode or "",
        "tax_category": product.tax_category,
        "category": product.category or "",
        "active": "on" if product.active else "",
        "kind": product.kind,
        "delivered_by": product.delivered_by,
        "lead_time_days": _text(product.lead_time_days),
        "confirmed_after_days": _text(product.confirmed_after_days),
    }


def _text(days: int | None) -> str:
    return "" if days is None else str(days)


def _form(
    request: Request, member: StaffMember, product: Any, fields: dict[str, str], errors: FormErrors | None = None
) -> Response:
    theirs = _fields_of(product) if product and errors and errors.code == "product_changed" else {}
    context: dict[str, Any] = {
        "product": product,
        "picture": picture_address(product.picture_id, "full") if product else None,
        "fields": fields,
        "theirs": {name: text for name, text in theirs.items() if text != fields.get(name, "")},
        "errors": errors,
        "more_names": sorted(
            name for name in fields if name.startswith("name_") and name.removeprefix("name_") not in LANGUAGES
        ),
        "tax_categories": list(TaxCategory),
        "kinds": list(ProductKind),
        "deliveries": list(DeliveredBy),
        "key": new_key(),
    }
    return page(request, "product_form.html", status=errors.status if errors else 200, member=member, **context)
