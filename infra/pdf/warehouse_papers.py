"""Packing slips and manifests: what the warehouse prints, with QR codes that its scanners read."""

import sys
from typing import Any

import segno
from fpdf.enums import XPos, YPos

from infra.pdf.i18n import speaker
from infra.pdf.sheet import INK, SOFT, Sheet, Words, answer

_CODE_MM = 26


def rendered(sheet: dict[str, Any], lang: str) -> bytes:
    """The PDF of packing slips (one to a page), or of a manifest."""
    t = speaker(lang)
    out = Sheet(sheet["document_no"], t("by_warehouse"))
    out.set_title(f"{t(sheet['kind'])} {sheet['document_no']}")
    out.set_lang("zh-CN" if lang == "zh" else "en")
    if sheet["kind"] == "manifest":
        _manifest(out, sheet, t)
    for place, slip in enumerate(sheet.get("slips", ())):
        if place:
            out.add_page()
        _slip(out, slip, t)
    return bytes(out.output())


def _slip(out: Sheet, slip: dict[str, Any], t: Words) -> None:
    _head(out, t("packing_slips"), slip["fulfilment_id"])
    for text in slip["ship_to"]:
        if text:
            out.say(text, 11)
    out.ln(3)
    if slip["tracking_no"]:
        out.say(f"{slip['carrier']}  {slip['tracking_no']}", 9.5, SOFT)
    out.ln(4)
    for line in slip["lines"]:
        _row(out, f"{line['name']}\n{line['sku']}", str(line["quantity"]))
    if slip["note"]:
        out.ln(4)
        out.say(slip["note"])


def _manifest(out: Sheet, sheet: dict[str, Any], t: Words) -> None:
    _head(out, t("manifest"), sheet["document_no"])
    out.say(f"{t('parcels')}: {len(sheet['parcels'])}", 11)
    out.ln(4)
    for one in sheet["parcels"]:
        weight = f"{one['weight_g']} g" if one["weight_g"] else ""
        _row(
            out, f"{one['fulfilment_id']}\n{one['carrier']}  {one['tracking_no'] or ''}  {one['handed_at']} UTC", weight
        )
    out.ln(16)
    out.say(f"{t('signature')}: ______________________________", 11)


def _head(out: Sheet, title: str, code: str) -> None:
    """The title, and the code both to read and to scan."""
    top = out.get_y()
    _qr(out, code, out.w - out.r_margin - _CODE_MM, top)
    out.say(title, 20, INK, out.epw - _CODE_MM - 4)
    out.say(code, 12, INK, out.epw - _CODE_MM - 4)
    out.set_xy(out.l_margin, max(out.get_y(), top + _CODE_MM) + 4)


def _qr(out: Sheet, text: str, left: float, top: float) -> None:
    matrix = segno.make_qr(text, error="m").matrix
    size = _CODE_MM / len(matrix)
    out.set_fill_color(0, 0, 0)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                out.rect(left + x * size, top + y * size, size, size, style="F")


def _row(out: Sheet, text: str, right: str) -> None:
    top = out.get_y()
    out.say(text, 10, INK, out.epw - 30)
    bottom = out.get_y()
    out.set_xy(out.w - out.r_margin - 28, top)
    out.ink(13)
    out.cell(28, 7, right, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    out.set_xy(out.l_margin, max(bottom, out.get_y()) + 1)
    out.line(out.l_margin, out.get_y(), out.w - out.r_margin, out.get_y())
    out.ln(2)


if __name__ == "__main__":
    sys.exit(answer(lambda request: rendered(request["sheet"], request["lang"])))
