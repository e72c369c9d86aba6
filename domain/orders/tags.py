"""Tags of orders."""

MAX_TAGS = 20  # of an order; the database counts them, too
