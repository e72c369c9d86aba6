"""Customers send photographs of a parcel; files that nothing refers to can be deleted."""

from infra.db import revisions

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own, and other triggers; the previous version deletes no file."""
    revisions.run("0096_order_photographs")


def downgrade() -> None:
    """There is no way back: the photographs would be lost."""
    raise RuntimeError("orders keep their photographs; the previous version ignores them")
