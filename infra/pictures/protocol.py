"""How the process that decodes a picture answers."""

import struct

# The lengths of the picture and of its thumbnail, width and height.
HEADER = struct.Struct(">IIII")
# Exit codes.
UNREADABLE, TOO_LARGE = 3, 4
# What is kept of a picture; the database allows no more.
MAX_BYTES = 4_000_000
