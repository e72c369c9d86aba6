"""Several documents in one file: `python -m infra.pdf.collected` reads `{lang, sheets}` as JSON and writes the PDF."""

import sys
from typing import Any

from infra.pdf import packing_slips, sheet
from infra.pdf.i18n import speaker
from infra.pdf.sheet import Sheet

PACKING_SLIP = "packing_slip"


def collected(sheets: list[dict[str, Any]], lang: str) -> bytes:
    """Each begins on a page of its own; the foot counts its pages."""
    t, out = speaker(lang), None
    for one in sheets:
        slip = one["kind"] == PACKING_SLIP
        number, foot = (one["order"], "") if slip else (one["document_no"], t("by_system"))
        if out is None:
            out = Sheet(number, foot)
        else:
            out.begin(number, foot)
        packing_slips.draw(out, one, t) if slip else sheet.draw(out, one, t, lang)
    assert out is not None, "nobody asks for a file without documents"
    out.set_lang("zh-CN" if lang == "zh" else "en")
    out.set_title(t("packing_slip" if sheets[0]["kind"] == PACKING_SLIP else "invoice"))
    return bytes(out.output())


if __name__ == "__main__":
    sys.exit(sheet.answer(lambda request: collected(request["sheets"], request["lang"])))
