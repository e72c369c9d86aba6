"""Invoices and credit notes with their numbers, and customers' feedback."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers."""
    script = Path(__file__).with_name("0014_documents.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: invoices have to be kept."""
    raise RuntimeError("invoices are not dropped; restore a backup instead")
