"""Locations within a warehouse, with levels of their own."""

from infra.db import revisions

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that is 0 everywhere, and tables of their own; the previous version ships as before."""
    revisions.run("0105_locations")


def downgrade() -> None:
    """There is no way back: what is placed would be lost."""
    raise RuntimeError("locations stay; the previous version ignores them")
