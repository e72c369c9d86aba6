"""When the date of a backorder slips, its customer chooses to wait or to cancel what is missing."""

from infra.db import revisions

revision = "0131"
down_revision = "0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The relay of this version asks; one of the previous version moves the date without."""
    revisions.run("0131_backorder_choices")


def downgrade() -> None:
    """There is no way back: the choices of customers would be lost."""
    raise RuntimeError("choices of customers stay; the previous version does not read them")
