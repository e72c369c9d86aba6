"""A row of a product file: which product it makes, compared with the one that there is."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from pydantic import ValidationError

from api.http.request_body import refused
from api.schemas.stock import NewProduct
from domain.errors import RuleBroken
from domain.json_types import JsonFields, JsonObject, JsonValue
from domain.money import minor_of, written
from domain.product_imports import MAX_COLUMNS, RowOutcome
from domain.products import LANGUAGE_TAG
from infra.db.catalogue import products
from infra.db.catalogue.product_imports import ImportRow
from infra.db.catalogue.products import CatalogueProduct
from infra.spreadsheets import FORMULA_SIGNS

COLUMNS = ("sku", "name", "price", "currency", "active", "weight_g", "barcode", "tax_category", "category")
_NAME = re.compile(r"^name_(.+)$")
_TAG = re.compile(LANGUAGE_TAG)
# Columns of the export that are not the file's to say.
_READ_ONLY = ("available", "created_at")
_ALIASES = {
    **{
        "货号": "sku",
        "名称": "name",
        "商品名称": "name",
        "中文名称": "name_zh",
        "英文名称": "name_en",
        "价格": "price",
    },
    **{"货币": "currency", "币种": "currency", "启用": "active", "上架": "active", "重量": "weight_g"},
    **{"条码": "barcode", "税务类别": "tax_category", "类别": "category"},
}
_YES, _NO = ("yes", "true", "1", "是"), ("no", "false", "0", "否")
_WHOLE = re.compile(r"[0-9]{1,9}")
_MAX_SKU = 64
_FIELDS = {"price": "price_minor"}
_COLUMNS_OF = {"price_minor": "price"}
_CODES = ("tax_category",)
_REMOVED_EMPTY = ("barcode", "category")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Header:
    """The columns of a file by their place. Raises RuleBroken `import_columns`."""

    def __init__(self, cells: Sequence[str]) -> None:
        names = [_column(cell) for cell in cells]
        known = [name for name in names if _is_known(name)]
        if "sku" not in known or len(set(known)) < len(known) or len(names) > MAX_COLUMNS:
            raise RuleBroken("import_columns")
        self._names = names
        self.ignored = [name[:60] for name in names if name and not _is_known(name) and name not in _READ_ONLY]
        self.languages = [found[1] for name in known if (found := _NAME.match(name))]

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """The cells of a row by column, without the spaces around them; what a short row lacks is empty."""
        padded = [*row, *[""] * (len(self._names) - len(row))]
        return {name: cell.strip() for name, cell in zip(self._names, padded, strict=False) if _is_known(name)}


def _column(cell: str) -> str:
    plain = cell.strip().lstrip("\ufeff").replace(" ", "_")
    plain = _ALIASES.get(plain, plain)
    first, _, tag = plain.partition("_")
    return f"name_{tag}" if first.lower() == "name" and tag else plain.lower()


def _is_known(name: str) -> bool:
    found = _NAME.match(name)
    return name in COLUMNS or bool(found and _TAG.match(found[1]))


def sku_of(row: Sequence[str], header: Header) -> str:
    """The SKU that a row names."""
    return _text(header.cells(row)["sku"])


def _text(cell: str) -> str:
    """The text of a cell, without the apostrophe with which an export keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_SIGNS) else cell


def compared(line: int, raw: Sequence[str], header: Header, current: CatalogueProduct | None) -> ImportRow:
    """What the row would do to the product that there is."""
    cells = header.cells(raw)
    values = {name: _text(cell) for name, cell in cells.items()}
    row = ImportRow(line, _shown(values["sku"]), RowOutcome.REFUSED, current.version if current else None)
    if errors := [*_formulas(cells), *_currency(values, current)]:
        return replace(row, errors=errors)
    try:
        wanted = NewProduct.model_validate(_body(values, header.languages, current))
    except ValidationError as error:
        problem = refused(error.errors(include_url=False, include_input=False))
        return replace(row, errors=_named(problem.errors))
    product = products.NewProduct(**wanted.model_dump(mode="json"))
    changes = _differences(product, current)
    outcome = RowOutcome.CREATE if current is None else RowOutcome.CHANGE if changes else RowOutcome.UNCHANGED
    return replace(row, outcome=outcome, product=asdict(product), changes=changes)


def _shown(sku: str) -> str:
    """A SKU as it can be stored and shown, whatever it is."""
    return _INVISIBLE.sub("\ufffd", sku)[:_MAX_SKU]


def _formulas(cells: Mapping[str, str]) -> Iterable[dict[str, str]]:
    """A text that a spreadsheet would calculate was hardly meant; with an apostrophe before it, it was."""
    for name, cell in cells.items():
        if (name in ("sku", "name", "category") or _NAME.match(name)) and cell.startswith(FORMULA_SIGNS):
            yield {"field": name, "code": "formula_cell"}


def _currency(values: Mapping[str, str], current: CatalogueProduct | None) -> Iterable[dict[str, str]]:
    """The currency of a product stays."""
    typed = values.get("currency", "").upper()
    if current is not None and typed and typed != current.currency:
        yield {"field": "currency", "code": "currency_stays"}


def _body(values: Mapping[str, str], languages: Sequence[str], current: CatalogueProduct | None) -> JsonFields:
    """The product as the row has it. An empty cell leaves what there is, or takes the default; one of a barcode, of a
    category or of a name in a language removes it."""
    body = dict(_present(current)) if current else {}
    currency = current.currency if current else values.get("currency", "").upper()
    body |= {"sku": values["sku"], "currency": currency}
    typed = {name: values[name] for name in COLUMNS[1:] if values.get(name)}
    body |= {
        _FIELDS.get(name, name): _typed(name, text, currency) for name, text in typed.items() if name != "currency"
    }
    body |= {name: None for name in _REMOVED_EMPTY if name in values and not values[name]}
    names = {**body.get("names", {}), **{lang: values[f"name_{lang}"] for lang in languages}}
    return {**body, "names": {lang: name for lang, name in names.items() if name}}


def _present(current: CatalogueProduct) -> JsonFields:
    return {name: getattr(current, name) for name in NewProduct.model_fields}


def _typed(name: str, text: str, currency: str) -> JsonValue:
    """The value of a cell; what is none is left for the model to refuse."""
    if name == "price":
        return price_of(text, currency)
    if name == "weight_g":
        return int(text) if text.isascii() and _WHOLE.fullmatch(text) else text
    if name == "active":
        return True if text.lower() in _YES else False if text.lower() in _NO else text
    return text.replace(" ", "").replace("-", "") if name == "barcode" else text.lower() if name in _CODES else text


def price_of(typed: str, currency: str) -> int | str:
    """The minor units of a price that was typed; what is none is left for the model to refuse."""
    try:
        return minor_of(typed.strip().replace(",", "", typed.count(",") if "." in typed else 0), currency)
    except ValueError:
        return typed


def _named(errors: Iterable[JsonObject]) -> list[dict[str, str]]:
    return [{"field": column_of(str(error["field"])), "code": str(error["code"])} for error in errors]


def column_of(field: str) -> str:
    """The column, and the field of the form, of a field of the body: `names.zh` is name_zh, `price_minor` price."""
    first, _, rest = field.partition(".")
    return f"name_{rest.partition('.')[0]}" if first == "names" and rest else _COLUMNS_OF.get(first, first)


def _differences(product: products.NewProduct, current: CatalogueProduct | None) -> dict[str, list[str]]:
    """The columns that change, with what they were and what they become."""
    before, after = _cells(current) if current else {}, _cells(product)
    columns = sorted({*before, *after}, key=lambda name: (*COLUMNS, name).index(name))
    pairs = {name: [before.get(name, ""), after.get(name, "")] for name in columns}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and name != "sku"}


def _cells(product: products.NewProduct) -> dict[str, str]:
    return {
        **{name: str(getattr(product, name) or "") for name in ("name", "currency", "weight_g", "barcode", "category")},
        **{f"name_{lang}": name for lang, name in product.names.items()},
        "price": written(product.price_minor, product.currency),
        "active": "yes" if product.active else "no",
        "tax_category": str(product.tax_category),
    }
