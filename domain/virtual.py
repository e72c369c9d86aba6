"""Virtual products: what their codes are, and what can be undone of them."""

MAX_CODE = 200
MAX_UPLOAD = 10_000
