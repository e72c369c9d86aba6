"""Products are imported from files: a preview of each row, then what it did."""

from infra.db import revisions

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; nothing that an order writes is touched."""
    revisions.run("0099_product_imports")


def downgrade() -> None:
    """Imports are a record of what changed the catalogue."""
    raise RuntimeError("records of imports are not taken back; restore a backup instead")
