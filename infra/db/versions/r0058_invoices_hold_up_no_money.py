"""A supplementary invoice that cannot be written does not undo the capture that it is for."""

from pathlib import Path

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The trigger that issues it."""
    script = Path(__file__).with_name("0058_invoices_hold_up_no_money.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: money that was taken would be in no books."""
    raise RuntimeError("money that was taken is not forgotten; restore a backup instead")
