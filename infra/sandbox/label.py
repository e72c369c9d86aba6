"""A parcel label: one A6 page of PDF 1.4 with what the carrier needs to recognise the parcel, and no address."""


def label_pdf(order_no: str, tracking_no: str, slot: dict[str, str] | None = None) -> bytes:
    """The same arguments give the same bytes."""
    lines = [(24, 380, 18, "SANDBOX CARRIER"), (24, 340, 12, f"Order {order_no}"), (24, 310, 16, tracking_no)]
    if slot:
        lines.append((24, 280, 9, f"Deliver {slot['from']} to {slot['to']}"))
    text = "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({_escaped(line)}) Tj ET" for x, y, size, line in lines)
    stream = text.encode("latin-1", "replace")
    return _document(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 298 420] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )


def _document(*objects: bytes) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), len(objects) + 1
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)


def _escaped(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return "".join(character if character.isprintable() else " " for character in escaped)
