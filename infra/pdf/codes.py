"""QR codes on printed sheets, for the scanners of a warehouse."""

import segno
from fpdf import FPDF

CODE_MM = 26


def draw_qr(out: FPDF, text: str, left: float, top: float) -> None:
    """The code of `text` as a square of CODE_MM; the position is in millimetres."""
    matrix = segno.make_qr(text, error="m").matrix
    size = CODE_MM / len(matrix)
    out.set_fill_color(0, 0, 0)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                out.rect(left + x * size, top + y * size, size, size, style="F")
