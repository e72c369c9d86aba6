"""A person may choose the warehouse of a fulfilment."""

from infra.db import revisions

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version books from the warehouse that the stock is reserved at, as before."""
    revisions.run("0111_sourcing_overrides")


def downgrade() -> None:
    """There is no way back: the reasons of overrides would be lost."""
    raise RuntimeError("reasons of overrides are kept; the previous version ignores them")
