"""Sourcing has profiles in versions, warehouses say until when they ship, and decisions are kept."""

from infra.db import revisions

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; the previous version does not read them."""
    revisions.run("0094_sourcing")


def downgrade() -> None:
    """There is no way back: profiles and decisions would be lost."""
    raise RuntimeError("profiles and decisions stay; the previous version ignores them")
