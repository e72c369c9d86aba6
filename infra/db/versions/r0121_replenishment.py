"""Demand by day, and when and how much to order of it."""

from infra.db import revisions

revision = "0121"
down_revision = "0120"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own; the previous version counts and suggests nothing."""
    revisions.run("0121_replenishment")


def downgrade() -> None:
    """There is no way back: demand and rules would be lost."""
    raise RuntimeError("demand and rules stay; the previous version ignores them")
