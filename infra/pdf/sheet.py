"""One document on A4 sheets: `python -m infra.pdf.sheet` reads `{lang, sheet}` as JSON and writes the PDF."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace, TTFFont
from noto_cjk_sans_otc import FONT_PATH

from domain.money import shown, written
from infra.pdf.i18n import speaker

FONT = "noto"
SIMPLIFIED_CHINESE = 2  # in the collection: the forms that readers in China expect, with every other character beside
MISSING = "□"
Colour = tuple[int, int, int]
INK: Colour = (33, 33, 33)
SOFT: Colour = (105, 105, 105)
LINE: Colour = (200, 200, 200)
TINT: Colour = (243, 244, 246)
# A line's amounts and their parts of the width. Credit notes once said no more than what was given back.
_INVOICE = (("unit_price", 14), ("discount", 13), ("tax", 12), ("total", 14))
_CREDIT_NOTE = (("tax", 20), ("total", 20))
_MARGIN = 18

Words = Callable[[str], str]


class Sheet(FPDF):
    """A4 with the document's number and the page at the foot."""

    def __init__(self, number: str, foot: str) -> None:
        super().__init__(format="A4")
        self.number, self.foot, self.before = number, foot, 0
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=24)
        self.add_font(FONT, "", str(FONT_PATH), collection_font_number=SIMPLIFIED_CHINESE)
        font = self.fonts[FONT]
        assert isinstance(font, TTFFont), "added just now"
        self.known = font.cmap
        self.set_draw_color(*LINE)
        self.add_page()

    def begin(self, number: str, foot: str) -> None:
        """Another document, on a page of its own; the page before keeps its foot."""
        before = self.page_no()
        self.add_page()
        self.number, self.foot, self.before = number, foot, before

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-18)
        self.ink(8, SOFT)
        self.cell(self.epw / 2, 5, f"{self.number}  {self.foot}")
        self.cell(self.epw / 2, 5, str(self.page_no() - self.before), align="R")

    def ink(self, size: float, colour: Colour = INK) -> None:
        """What is written from here on has this size and colour."""
        self.set_font(FONT, size=size)
        self.set_text_color(*colour)

    def clean(self, text: str) -> str:
        """The text, with a box for what the font has no glyph of: nothing of a name vanishes unseen."""
        return "".join(sign if ord(sign) in self.known or sign == "\n" else MISSING for sign in text)

    def say(self, text: str, size: float = 9.5, colour: Colour = INK, width: float = 0) -> None:
        """A paragraph from where the pen is, over `width` (0: to the margin); the pen goes below it."""
        self.ink(size, colour)
        self.multi_cell(width, size * 0.55, self.clean(text), align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)


def rendered(sheet: dict[str, Any], lang: str) -> bytes:
    """The PDF of a document (see `api.services.documents.document_issuing.pdf`)."""
    t = speaker(lang)
    out = Sheet(sheet["document_no"], t("by_system"))
    out.set_creation_date(datetime.fromisoformat(sheet["issued_at"]).astimezone(UTC))
    out.set_title(f"{t(_kind(sheet))} {sheet['document_no']}")
    out.set_author(sheet["seller"]["name"])
    out.set_lang("zh-CN" if lang == "zh" else "en")
    draw(out, sheet, t, lang)
    return bytes(out.output())


def draw(out: Sheet, sheet: dict[str, Any], t: Words, lang: str) -> None:
    """From the top of an empty page."""
    _head(out, sheet, t, lang)
    _parties(out, sheet, t)
    _lines(out, sheet, t)
    _totals(out, sheet, t, lang)


def _head(out: Sheet, sheet: dict[str, Any], t: Words, lang: str) -> None:
    out.say(t(_kind(sheet)), 22)
    out.ln(2)
    facts = [("number", sheet["document_no"]), ("date", sheet["issued_on"]), ("order", sheet["order_no"])]
    facts.append(("currency", sheet["currency"]))
    if sheet["supplement_to"]:
        facts.append(("supplement_to", sheet["supplement_to"]))
    facts += [("corrects", _corrected(one, sheet, lang)) for one in sheet["corrections"]]
    if sheet["refund_id"]:
        facts.append(("refund", sheet["refund_id"]))
    if sheet["return_id"]:
        facts.append(("claim", sheet["return_id"]))
    if sheet["dispute_id"]:
        facts.append(("chargeback", str(sheet["dispute_id"])))
    for name, value in facts:
        out.ink(9.5, SOFT)
        out.cell(34, 5.5, t(name))
        out.say(value)
        out.set_x(_MARGIN)
    out.ln(5)


def _kind(sheet: dict[str, Any]) -> str:
    return "supplement" if sheet["supplement_to"] else str(sheet["kind"])


def _corrected(one: dict[str, Any], sheet: dict[str, Any], lang: str) -> str:
    """An invoice; of several, with what is taken back of each."""
    if len(sheet["corrections"]) == 1:
        return str(one["document_no"])
    return f"{one['document_no']}  {shown(one['total_minor'], sheet['currency'], lang)}"


def _parties(out: Sheet, sheet: dict[str, Any], t: Words) -> None:
    """Seller and buyer beside each other."""
    top, half = out.get_y(), out.epw / 2 - 4
    bottoms = []
    for place, (heading, party) in enumerate((("seller", sheet["seller"]), ("buyer", sheet["billed_to"]))):
        out.set_xy(_MARGIN + place * (half + 8), top)
        out.say(t(heading), 8.5, SOFT, half)
        for text, size in _party(party, t):
            out.say(text, size, INK, half)
        bottoms.append(out.get_y())
    out.set_xy(_MARGIN, max(bottoms) + 6)


def _party(party: dict[str, str] | None, t: Words) -> list[tuple[str, float]]:
    if party is None:
        return [(t("erased"), 9.5)]
    small = [party.get("address"), party.get("contact")]
    if number := party.get("tax_number"):
        small.insert(0, f"{t('tax_number')} {number}")
    return [(party.get("name") or party.get("title") or "–", 11.5), *((text, 9.5) for text in small if text)]


def _lines(out: Sheet, sheet: dict[str, Any], t: Words) -> None:
    """The lines, on as many sheets as they need, each with the headings."""
    out.ink(9)
    columns = _CREDIT_NOTE if _is_bare(sheet) else _INVOICE
    labels = {"total": "amount", "discount": _discount(sheet) if sheet["supplement_to"] else "discount"}
    with out.table(
        col_widths=(38, 9, *(width for _, width in columns)), text_align=("LEFT", *["RIGHT"] * (len(columns) + 1)),
        borders_layout="HORIZONTAL_LINES", headings_style=FontFace(emphasis="", color=SOFT, fill_color=TINT),
        line_height=5, padding=1.5,
    ) as table:  # fmt: skip
        table.row([t("product"), t("quantity"), *(t(labels.get(name, name)) for name, _ in columns)])
        for line in sheet["lines"]:
            # Money back for no unit in particular has no quantity, and no price.
            amounts = [
                "–"
                if name == "unit_price" and not line["quantity"]
                else _amount(line[f"{name}_minor"], sheet["currency"])
                for name, _ in columns
            ]
            table.row([out.clean(f"{line['name']}\n{line['sku']}"), str(line["quantity"] or "–"), *amounts])
    out.ln(4)


def _totals(out: Sheet, sheet: dict[str, Any], t: Words, lang: str) -> None:
    currency, credit, bare = sheet["currency"], sheet["kind"] == "credit_note", _is_bare(sheet)
    added = 0 if bare else sheet["tax_added_minor"]
    discount = _discount(sheet)
    rows = [] if bare else [("items", sheet["items_minor"]), (discount, -sheet["discount_minor"])]
    rows += [("shipping", sheet["shipping_minor"]), ("tax", added)]
    for name, minor in rows:
        if minor or (name == "items" and not credit):
            _total(out, t(name), _amount(minor, currency), 9.5)
    _total(out, t("total_credited" if credit else "total"), shown(sheet["total_minor"], currency, lang), 13)
    if sheet["tax_minor"] and not added:
        _total(out, t("tax_in_it"), _amount(sheet["tax_minor"], currency), 9.5)


def _discount(sheet: dict[str, Any]) -> str:
    """What the document calls what is less than its prices, or goes back without pieces."""
    if sheet["supplement_to"]:
        return "paid_otherwise" if sheet["return_id"] else "invoiced"
    if sheet["discount_minor"] > 0:
        return "discount"
    return "charged_back" if sheet["dispute_id"] else "later_discount"


def _is_bare(sheet: dict[str, Any]) -> bool:
    """Whether it is a credit note that says neither prices nor discount, as they were issued before."""
    return sheet["kind"] == "credit_note" and not (sheet["items_minor"] or sheet["discount_minor"])


def _total(out: Sheet, label: str, amount: str, size: float) -> None:
    out.set_x(_MARGIN + out.epw / 2)
    out.ink(size, SOFT if size < 10 else INK)
    out.cell(out.epw / 4, size * 0.62, label)
    out.ink(size)
    out.cell(out.epw / 4, size * 0.62, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _amount(minor: int, currency: str) -> str:
    """In a column: grouped, with the currency's own number of decimals; the head names the currency."""
    return written(minor, currency, grouped=True)


def answer(make: Callable[[dict[str, Any]], bytes]) -> int:
    """Exit 1, without a word of the document, when it cannot be made."""
    logging.disable(logging.CRITICAL)  # the library names characters that it does not know
    try:
        content = make(orjson.loads(sys.stdin.buffer.read()))
    except Exception:
        return 1
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(answer(lambda request: rendered(request["sheet"], request["lang"])))
