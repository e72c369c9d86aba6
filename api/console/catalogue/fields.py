"""Forms of the catalogue: what was typed as the body of the HTTP call, and what is wrong with which field."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from api.console.i18n import WORDS, language
from api.errors import Problem, from_rule
from api.services.catalogue.product_rows import column_of
from domain.errors import RuleBroken

# What a form does not pass on: proof and bookkeeping of the form itself.
_OWN = ("csrf", "key", "version")
# At which field a refusal is shown that names none.
_AT = {
    "product_exists": "sku",
    "warehouse_exists": "code",
    "barcode_exists": "barcode",
    "invalid_barcode": "barcode",
    **dict.fromkeys(("import_unreadable", "import_columns", "import_empty", "import_too_large"), "file"),
    "body_too_large": "file",
    "picture_invalid": "picture",
    "picture_too_large": "picture",
    "receipt_exists": "reference",
    "stock_not_available": "quantity",
    "invalid_quantity": "quantity",
    "unknown_warehouse": "warehouse",
    "same_warehouse": "to",
    "warehouse_inactive": "warehouse",
    "default_warehouse_inactive": "active",
    "tracking_missing": "tracking_no",
    "default_warehouse_supplier": "is_default",
    "transfer_exists": "reference",
    "sku_or_lines": "lines",
    "invalid_expected_date": "expected_on",
    "resolution_not_possible": "resolution",
    "more_than_requested": "units",
    "more_than_shipped": "units",
    "not_in_transfer": "units",
    "nothing_to_ship": "units",
    "purchase_order_exists": "number",
    "already_received": "lines",
    "over_delivery": "quantity",
    "counted_twice": "lines",
    "location_exists": "code",
    "same_location": "to",
    "lines_needed": "lines",
    "unknown_location": "location",
    "location_closed": "location",
    "location_not_empty": "active",
    "resolution_warehouse_inactive": "resolution",
    "product_not_found": "lines",
    "count_exists": "reference",
    "invalid_count_time": "counted_at",
}
_SIGNED = re.compile(r"[+-]?[0-9]{1,12}")


class FormErrors:
    """What is wrong with a form in the reader's words: at fields, and with the whole of it (`code`, empty for none)."""

    def __init__(
        self,
        request: Request,
        refused: Problem | RuleBroken,
        places: Mapping[str, str] | None = None,
        rules: str = "catalogue.rule",
    ) -> None:
        """`places` are the fields of codes that this form has elsewhere than others; `rules` begins the keys of words
        for fields that take something else here than in other forms."""
        self.problem = refused if isinstance(refused, Problem) else from_rule(refused)
        self._places = {**_AT, **(places or {})}
        self._rules = rules
        self._lang = language(request)
        self._say = WORDS.speaker(self._lang)
        self.fields = self._named() or self._known()
        self.code = "" if self.fields else self.problem.code

    @property
    def status(self) -> int:
        """The status of the page that shows it."""
        return self.problem.status_code

    def at(self, field: str) -> str:
        """What is wrong with this field; empty for nothing."""
        return self.fields.get(field, "")

    def _named(self) -> dict[str, str]:
        names = [column_of(str(error["field"])) for error in self.problem.errors]
        found = {name: self._rule(name) for name in names}
        return {name: self._say(key) for name, key in found.items() if key in _words()}

    def _rule(self, name: str) -> str:
        own = f"{self._rules}.{name}"
        return own if own in _words() else _rule(name)

    def _known(self) -> dict[str, str]:
        if (field := self._places.get(self.problem.code)) is None:
            return {}
        explained = WORDS.explanation(self._lang, self.problem.code, self.problem.facts)
        return {field: explained or self._say(f"problem.{self.problem.code}")}


def _rule(name: str) -> str:
    """The words for what a field takes; names in all languages have the same rule."""
    return "catalogue.rule.name_en" if name.startswith("name_") else f"catalogue.rule.{name}"


def _words() -> dict[str, tuple[str, str]]:
    return WORDS.catalogue()


def typed_of(fields: dict[str, str]) -> dict[str, str]:
    """What a person typed, to be shown again."""
    return {name: text for name, text in fields.items() if name not in _OWN}


def signed(typed: str) -> int | str:
    """The number that was typed, with its sign; what is none is left for the model to refuse."""
    plain = typed.strip().replace("\u2212", "-")
    return int(plain) if plain.isascii() and _SIGNED.fullmatch(plain) else plain


def named(names: dict[str, str], fields: dict[str, str], languages: tuple[str, ...]) -> dict[str, str]:
    """The names of a product with what was typed for these languages; an empty one removes it."""
    typed = {lang: fields.get(f"name_{lang}", "").strip() for lang in languages}
    return {lang: name for lang, name in (names | typed).items() if name}


def texts(fields: dict[str, str], *names: str) -> dict[str, Any]:
    """The fields that were filled in, without the spaces around them."""
    return {name: text for name in names if (text := fields.get(name, "").strip())}
