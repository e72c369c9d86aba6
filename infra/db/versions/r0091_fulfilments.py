"""An order ships in one part or several."""

from infra.db import revisions

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Processes of the previous version reserve and book as before: triggers write the first fulfilment."""
    revisions.run("0091_fulfilments")


def downgrade() -> None:
    """There is no way back: the parts of orders would be lost."""
    raise RuntimeError("orders keep their fulfilments; the previous version ignores them")
