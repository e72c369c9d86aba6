"""Products and warehouses are changed after they were added, and say more of themselves."""

from infra.db import revisions

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Names in languages, barcode, tax category, picture, versions; the rights to change them."""
    revisions.run("0082_product_details")


def downgrade() -> None:
    """There is no way back: the previous version works with the columns that it does not know."""
    raise RuntimeError("the columns stay: the previous version works with them too")
