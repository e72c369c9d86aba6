"""Revisions let others go on: each is held against the rules of docs/deploy.md, and none depends on today's code."""

import re

import pytest

from infra.db import revisions
from tests.db.migration_rules import findings, is_apart, is_in_parts

FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(revisions.FOLDER.glob("*.sql"))}
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(revisions.FOLDER.glob("r*.py"))}
# Older than the rules, and what is on main is not changed: what each does that holds others up for as long as it reads
# a table of the installation's size. Each has a transaction of its own, and waits for a lock for a moment only.
OLD = {
    "0002_console": "an index on order lines",
    "0005_holds": "indexes, a check and a backfill of orders; workflow_requests written anew for their rank",
    "0006_notices": "an index on webhook deliveries",
    "0007_audit_anchors": "a wider check on audit chains",
    "0008_approvals": "keys and a check on resolutions and acts",
    "0010_refunds": "checks on orders, payments and totals; order lines written anew for what was paid",
    "0011_returns": "checks on stock, lines and requests; an index on refunds",
    "0012_changes": "checks on order lines",
    "0017_exchanges": "keys, checks and indexes on orders, payments and shipments",
    "0019_supplements": "a wider check and an index on payments",
    "0020_delivery_slot": "checks on orders and changes",
    "0021_parcel_acts": "a wider check on acts",
    "0025_pinned_paths": "a DO block that sets the path of functions",
    "0026_receipts_once": "a check, a backfill without its guard, and an index on stock movements",
    "0027_sign_in_sources": "another primary key of sign-in attempts, which are kept for days",
    "0028_unpaid_units": "an index on orders",
    "0029_cumulative_approvals": "checks and indexes on resolutions, acts and refunds",
    "0030_at_the_provider": "wider checks on payments and refunds, an index on the inbox",
    "0031_slot_days": "a check on orders validated in the transaction that adds it",
    "0035_order_contacts": "a check and indexes on orders, products, payments and returns; backfills of customers",
    "0036_sealed_answers": "a check and an index on idempotency keys, which are kept for days",
    "0037_contact_corrections": "a wider check on acts",
    "0038_priced_by": "checks on lines of changes",
    "0039_parcels_twice": "an index on shipments",
    "0042_unpaid_exchanges": "indexes on orders and returns",
    "0044_waking": "an index on orders",
    "0045_unapplied_facts": "an index on the inbox",
    "0046_supplement_invoices": "a check, a key and indexes on documents",
    "0047_holds_by_hand": "an index on holds, in the place of another",
    "0051_exchanged_parts": "a check on order lines validated in the transaction that adds it; a backfill of exchanges",
    "0054_bound_resolutions": "an index and backfills on parked steps and items of bulk acts, few of which are open",
}
# From here on no exception is made; what comes before was begun before there were rules.
RULED = "0060"


@pytest.mark.parametrize("name", FILES)
def test_a_revision_lets_others_go_on(name: str) -> None:
    found = findings(FILES[name])
    if name in OLD:
        assert found, f"{name} keeps the rules: take it from the list"
    elif name >= RULED:
        assert found == [], "docs/deploy.md, Migrations, has the rules"


@pytest.mark.parametrize("name", MODULES)
def test_a_revision_is_frozen(name: str) -> None:
    """What the rules of the product say today is not what they said then: a revision has its data in its own files."""
    imported = set(re.findall(r"^(?:from|import) ([\w.]+)", MODULES[name], re.MULTILINE))
    assert imported <= {"pathlib", "alembic", "infra.db"}
    assert re.findall(r"^from infra.db import (.*)$", MODULES[name], re.MULTILINE) in ([], ["revisions"])


def test_what_runs_apart_is_alone_in_its_revision() -> None:
    for name in (name for name in FILES if is_apart(FILES[name]) and name not in OLD):
        (module,) = [text for text in MODULES.values() if f'"{name}"' in text]
        assert re.findall(r"revisions\.\w+\(.*\)", module) == [f'revisions.run_apart("{name}")']


def test_what_runs_in_parts_is_alone_in_its_revision() -> None:
    for name in (name for name in FILES if is_in_parts(FILES[name])):
        (module,) = [text for text in MODULES.values() if f'"{name}"' in text]
        assert re.findall(r"revisions\.\w+\(.*\)", module) == [f'revisions.run_in_parts("{name}")']


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("CREATE INDEX orders_x ON orders (x);", "CONCURRENTLY"),
        ("CREATE UNIQUE INDEX orders_x ON orders (x) WHERE x > 0;", "CONCURRENTLY"),
        ("ALTER TABLE orders ADD COLUMN x int CHECK (x > 0);", "NOT VALID beside the column"),
        ("ALTER TABLE orders ADD x text REFERENCES products;", "NOT VALID beside the column"),
        ("ALTER TABLE orders ADD COLUMN x int NOT NULL;", "give it a default"),
        ("ALTER TABLE orders ADD COLUMN x uuid NOT NULL DEFAULT gen_random_uuid();", "table anew"),
        ("ALTER TABLE orders ADD COLUMN x int GENERATED ALWAYS AS (y) STORED;", "table anew"),
        ("ALTER TABLE orders ADD CONSTRAINT x CHECK (x > 0);", "NOT VALID"),
        ("ALTER TABLE orders DROP CONSTRAINT x, ADD CONSTRAINT x CHECK (f(x, 1) > 0);", "NOT VALID"),
        ("ALTER TABLE orders ADD CONSTRAINT x FOREIGN KEY (x) REFERENCES products;", "NOT VALID"),
        ("ALTER TABLE orders ADD UNIQUE (x);", "USING INDEX"),
        ("ALTER TABLE orders ALTER COLUMN x TYPE bigint;", "table anew"),
        ("ALTER TABLE orders ALTER x SET NOT NULL;", "reads the whole table"),
        ("ALTER TABLE orders DROP COLUMN x;", "contract"),
        ("ALTER TABLE orders RENAME COLUMN x TO y;", "contract"),
        ("ALTER TABLE order_lines RENAME TO sold_lines;", "contract"),
        ("ALTER TABLE orders DISABLE TRIGGER x;", "guards"),
        ("DROP FUNCTION f();", "contract"),
        ("DROP INDEX orders_x;", "CONCURRENTLY"),
        ("UPDATE orders SET x = 1;", "small parts"),
        ("WITH a AS (SELECT 1) UPDATE orders SET x = 1;", "small parts"),
        ("DELETE FROM orders;", "small parts"),
        ("LOCK TABLE orders;", "locks a table"),
        ("DO $$ BEGIN UPDATE orders SET x = 1; END $$;", "hides"),
        ("SET lock_timeout = 0;", "locks a table"),
        ("CREATE TABLE t (x int);\nALTER TABLE t VALIDATE CONSTRAINT x;", "a revision of its own"),
        ("CREATE INDEX CONCURRENTLY orders_x ON orders (x);", "can be repeated"),
    ],
)
def test_what_would_hold_others_up_is_found(script: str, text: str) -> None:
    (found,) = findings(script) if "CREATE TABLE" not in script else findings(script)[:1]
    assert text in found


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE t (x int CHECK (x > 0)); CREATE INDEX t_x ON t (x); UPDATE t SET x = 1;",
        "ALTER TABLE orders ADD COLUMN x int NOT NULL DEFAULT 0, ADD CONSTRAINT x CHECK (x >= 0) NOT VALID;",
        "ALTER TABLE orders ADD COLUMN x timestamptz NOT NULL DEFAULT now();",
        "ALTER TABLE processes ADD COLUMN x jsonb CHECK (x ? 'code');",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ UPDATE orders SET x = 1; DROP INDEX y; $$;",
        "CREATE TRIGGER t BEFORE UPDATE OF x ON orders FOR EACH ROW EXECUTE FUNCTION f();",
        "-- contract: 0044 nothing reads it since\nALTER TABLE orders DROP COLUMN x;",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_x ON orders (x);",
        "ALTER TABLE orders VALIDATE CONSTRAINT x;",
        "UPDATE orders SET x = 1 FROM (SELECT order_no FROM orders WHERE x IS NULL LIMIT 1000) d;",
        "ALTER TABLE orders RENAME CONSTRAINT x TO y;",
        "ALTER TABLE order_lines RENAME TO sold_lines; ALTER TABLE sold_lines RENAME COLUMN sku TO item;\n"
        "CREATE VIEW order_lines AS SELECT item AS sku FROM sold_lines;",
    ],
)
def test_what_lets_others_go_on_is_left_alone(script: str) -> None:
    assert findings(script) == []
