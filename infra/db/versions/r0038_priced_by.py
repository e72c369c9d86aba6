"""An unpaid order is priced anew with each change, by the rules under which it was placed."""

from pathlib import Path

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the rules with the order; shares of unpaid lines follow them."""
    script = Path(__file__).with_name("0038_priced_by.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: changes that were priced anew would not fit."""
    raise RuntimeError("the rules are not dropped; restore a backup instead")
