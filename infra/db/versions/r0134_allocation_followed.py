"""A reservation is carried to the table of the previous version in one direction only."""

from infra.db import revisions

revision = "0134"
down_revision = "0133"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One function call less for each product that an order reserves or ships."""
    revisions.run("0134_allocation_followed")


def downgrade() -> None:
    """There is no way back, and no need: both versions work with this trigger."""
    raise RuntimeError("the trigger stays: the previous version works with it")
