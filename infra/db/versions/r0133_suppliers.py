"""A supplier ships parts of orders from its own stock."""

from infra.db import revisions

revision = "0133"
down_revision = "0132"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version takes a supplier for a warehouse and books our carrier there: add one when it is gone."""
    revisions.run("0133_suppliers")


def downgrade() -> None:
    """There is no way back: suppliers would become warehouses."""
    raise RuntimeError("suppliers stay; the previous version takes them for warehouses")
