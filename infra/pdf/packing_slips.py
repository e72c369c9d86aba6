"""A packing slip on A4: where a parcel goes and what goes into it, without prices, with a code to scan."""

from typing import Any

from fpdf.fonts import FontFace

from infra.pdf.codes import CODE_MM, draw_qr
from infra.pdf.sheet import INK, SOFT, TINT, Sheet, Words


def draw(out: Sheet, slip: dict[str, Any], t: Words) -> None:
    """From the top of an empty page."""
    top = out.get_y()
    if slip["fulfilment"]:
        draw_qr(out, slip["fulfilment"], out.w - out.r_margin - CODE_MM, top)
    out.say(t("packing_slip"), 22, INK, out.epw - CODE_MM - 4)
    out.ln(2)
    for name in ("order", "part", "warehouse", "fulfilment", "parcel"):
        if slip[name]:
            out.ink(9.5, SOFT)
            out.cell(34, 5.5, t(name))
            out.say(slip[name])
            out.set_x(out.l_margin)
    out.set_y(max(out.get_y(), top + CODE_MM if slip["fulfilment"] else 0) + 4)
    if slip["ship_to"]:
        out.say(t("ship_to"), 8.5, SOFT)
        for text in slip["ship_to"]:
            out.say(text, 11.5)
        out.ln(4)
    _goods(out, slip["lines"], t)
    if slip["note"]:
        out.say(t("note"), 8.5, SOFT)
        out.say(slip["note"])


def _goods(out: Sheet, lines: list[dict[str, Any]], t: Words) -> None:
    out.ink(9)
    with out.table(
        col_widths=(30, 58, 12), text_align=("LEFT", "LEFT", "RIGHT"), borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="", color=SOFT, fill_color=TINT), line_height=5, padding=1.5,
    ) as table:  # fmt: skip
        table.row(["SKU", t("product"), t("quantity")])
        for line in lines:
            table.row([out.clean(line["sku"]), out.clean(line["name"]), str(line["quantity"])])
    out.ln(4)
