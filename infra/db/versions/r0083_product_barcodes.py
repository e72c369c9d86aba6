"""A barcode is of one product in each currency."""

from infra.db import revisions

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A unique index, and what the revision before left to be validated."""
    revisions.run_apart("0083_product_barcodes")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("the index stays: the previous version writes no barcode")
