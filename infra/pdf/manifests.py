"""A manifest: the parcels that a carrier takes together, to be signed, with a QR code of its number."""

import sys
from typing import Any

from fpdf.enums import XPos, YPos

from infra.pdf.codes import CODE_MM, draw_qr
from infra.pdf.i18n import speaker
from infra.pdf.sheet import INK, Sheet, Words, answer


def rendered(sheet: dict[str, Any], lang: str) -> bytes:
    """The PDF of a manifest."""
    t = speaker(lang)
    out = Sheet(sheet["document_no"], t("by_warehouse"))
    out.set_title(f"{t('manifest')} {sheet['document_no']}")
    out.set_lang("zh-CN" if lang == "zh" else "en")
    _manifest(out, sheet, t)
    return bytes(out.output())


def _manifest(out: Sheet, sheet: dict[str, Any], t: Words) -> None:
    _head(out, t("manifest"), sheet["document_no"])
    out.say(f"{t('parcels')}: {len(sheet['parcels'])}", 11)
    out.ln(4)
    for one in sheet["parcels"]:
        weight = f"{one['weight_g']} g" if one["weight_g"] else ""
        carried = f"{one['carrier']}  {one['tracking_no'] or ''}  {one['handed_at']} UTC"
        _row(out, f"{one['fulfilment_id']}\n{carried}", weight)
    out.ln(16)
    out.say(f"{t('signature')}: ______________________________", 11)


def _head(out: Sheet, title: str, code: str) -> None:
    """The title, and the code both to read and to scan."""
    top = out.get_y()
    draw_qr(out, code, out.w - out.r_margin - CODE_MM, top)
    out.say(title, 20, INK, out.epw - CODE_MM - 4)
    out.say(code, 12, INK, out.epw - CODE_MM - 4)
    out.set_xy(out.l_margin, max(out.get_y(), top + CODE_MM) + 4)


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
