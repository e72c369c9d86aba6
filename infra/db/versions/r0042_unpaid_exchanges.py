"""Goods that are wanted in exchange and not paid by what comes back are among a customer's unpaid ones."""

from pathlib import Path

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count them, too."""
    script = Path(__file__).with_name("0042_unpaid_exchanges.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: stock could be held without being paid."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
