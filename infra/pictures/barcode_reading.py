"""The process that reads the barcodes on one uploaded photograph; nothing of the file is kept.

Input: the file. Output: a JSON array of their texts. The exit code says what is wrong with a file.
"""

import json
import sys

import zxingcpp
from PIL import Image

from infra.pictures.opening import Refused, limit_itself, opened

# A bar of an EAN-13 that fills a third of a photograph is still several pixels wide.
_SIDE = 2_000


def main() -> int:
    """One photograph from standard input, texts to standard output."""
    limit_itself()
    try:
        photograph = opened(sys.stdin.buffer.read(), _grey, _SIDE)
    except Refused as refused:
        return refused.exit_code
    sys.stdout.write(json.dumps([found.text for found in zxingcpp.read_barcodes(photograph)]))
    return 0


def _grey(file: Image.Image) -> Image.Image:
    grey = file.convert("L")
    grey.thumbnail((_SIDE, _SIDE))
    return grey


if __name__ == "__main__":
    sys.exit(main())
