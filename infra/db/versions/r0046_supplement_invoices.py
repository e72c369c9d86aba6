"""What is paid on top of an invoiced order has an invoice of its own; credit notes are kept within theirs."""

from pathlib import Path

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Issue them with the capture from here on, and for what was captured before."""
    script = Path(__file__).with_name("0046_supplement_invoices.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: issued documents stay."""
    raise RuntimeError("documents are not dropped; restore a backup instead")
