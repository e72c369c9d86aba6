"""What was done at the provider without us: refunds, voids, captures and disputes."""

from pathlib import Path

from alembic import op

from domain.payments import POSTINGS
from domain.refunds import MOVES

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and rules; a new installation has the posting rules and moves already."""
    script = Path(__file__).with_name("0030_at_the_provider.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.connection.cursor().execute(script)
    for kind, (debit, credit) in POSTINGS.items():
        rule = (kind.value, debit, credit)
        connection.exec_driver_sql("INSERT INTO posting_rules VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rule)
    for source, target in sorted(MOVES):
        move = (source.value, target.value)
        connection.exec_driver_sql("INSERT INTO refund_moves VALUES (%s, %s) ON CONFLICT DO NOTHING", move)


def downgrade() -> None:
    """There is no way back: what providers took back would be gone from the books."""
    raise RuntimeError("disputes are not dropped; restore a backup instead")
