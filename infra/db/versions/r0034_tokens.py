"""Bearer tokens can be listed and revoked."""

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of tokens."""
    script = Path(__file__).with_name("0034_tokens.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("revocations are not dropped; restore a backup instead")
