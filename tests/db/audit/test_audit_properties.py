"""However writers begin, commit and roll back between anchors: each entry is covered once, and the log verifies."""

import asyncio
import itertools
from typing import Any, ClassVar

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from psycopg.rows import TupleRow

from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.examples import few
from workers.cli.audit.audit import faults_of

WRITERS = st.integers(0, 3)
SOME = few(16, stateful_step_count=30)
WRITE = "INSERT INTO audit_log (actor, action, order_no) SELECT 'system', 'x', %s FROM generate_series(1, %s)"
MAKE = "SELECT anchor_no FROM make_audit_anchor(%s, 0)"


class Anchoring(RuleBasedStateMachine):
    """Four writers, each with an order of its own, and a maker of anchors between their steps."""

    urls: ClassVar[DatabaseUrls]
    numbers: ClassVar[Any] = itertools.count(1)

    def __init__(self) -> None:
        super().__init__()
        number = next(self.numbers)
        self.orders = [f"O-{number}-{writer}" for writer in range(4)]
        self.writers = [psycopg.connect(self.urls.owner_url) for _ in self.orders]
        self.maker: psycopg.Connection[TupleRow] = psycopg.connect(self.urls.owner_url, autocommit=True)

    @rule(writer=WRITERS)
    def begin(self, writer: int) -> None:
        """A transaction takes its id; its first number comes later."""
        self.writers[writer].execute("SELECT pg_current_xact_id()")

    @rule(writer=WRITERS, times=st.integers(1, 3))
    def write(self, writer: int, times: int) -> None:
        self.writers[writer].execute(WRITE, (self.orders[writer], times))

    @rule(most=st.integers(1, 3))
    def write_and_anchor(self, most: int) -> None:
        """Somebody quick, while others have not committed."""
        self.maker.execute(WRITE, (self.orders[-1] + "q", 1))
        self.anchor(most)

    @rule(writer=WRITERS)
    def commit(self, writer: int) -> None:
        self.writers[writer].commit()

    @rule(writer=WRITERS)
    def roll_back(self, writer: int) -> None:
        self.writers[writer].rollback()

    @rule(most=st.integers(1, 5))
    def anchor(self, most: int) -> None:
        self.maker.execute(MAKE, (most,))

    def teardown(self) -> None:
        for writer in self.writers:
            writer.commit()
        while self.maker.execute(MAKE, (10_000,)).fetchall():
            pass
        entries = self.maker.execute("SELECT array_agg(entry_id ORDER BY entry_id) FROM audit_log").fetchall()[0][0]
        covered = self.maker.execute(
            """SELECT array_agg(n ORDER BY n) FROM audit_anchors, unnest(entries) r,
                      generate_series(lower(r), upper(r) - 1) n"""
        ).fetchall()[0][0]
        assert covered == entries
        for connection in (*self.writers, self.maker):
            connection.close()
        assert asyncio.run(faults_of(settings_for(self.urls))) == []


async def test_every_entry_is_covered_once(database_url: DatabaseUrls) -> None:
    Anchoring.urls = database_url
    await asyncio.to_thread(run_state_machine_as_test, Anchoring, settings=SOME)
