"""The demo's closing table: it balances, and says so when it does not."""

import io

import pytest
from rich.console import Console

from domain.orders.status import Status
from workers.demo.results import checks, report
from workers.demo.results.statistics import EndedOrder, Statistics
from workers.demo.results.stock_ledger import Movement, StockLedger

PLACE = ("cj-1", "EAST")


@pytest.fixture
def stock() -> StockLedger:
    """20 units at two places, of which one was shipped in full and came back in part."""
    ledger = StockLedger(ignored={"cj-held"})
    ledger.add(Movement.OPENING, *PLACE, 10)
    ledger.add(Movement.RECEIVED, *PLACE, 5)
    ledger.add(Movement.SHIPPED, *PLACE, -15)
    ledger.add(Movement.RETURNED, *PLACE, 2)
    ledger.add(Movement.RECEIVED, "cj-2", "EAST", 5)
    ledger.add(Movement.RECEIVED, "cj-held", "WEST", 7)
    return ledger


@pytest.mark.parametrize(("on_hand", "right"), [(2, True), (3, False)])
def test_a_warehouse_balances_to_the_unit(stock: StockLedger, on_hand: int, right: bool) -> None:
    levels = {PLACE: (on_hand, 0), ("cj-2", "EAST"): (5, 0)}
    (balance,) = stock.balances(levels)
    assert balance.balanced is right
    assert balance.as_json() == {
        "warehouse": "EAST", "opening": 10, "received": 10, "adjusted": 0, "transferred": 0, "shipped": -15,
        "returned": 2, "on_hand": on_hand + 5, "reserved": 0, "balanced": right,
    }  # fmt: skip
    wrong = [check.name for check in checks.compare_stock(stock, levels, [balance]) if check.wrong]
    assert len(wrong) == (0 if right else 2)
    assert ("✗" in _printed(Statistics(stock=stock), levels)) is not right


def test_two_mistakes_that_cancel_out_are_found(stock: StockLedger) -> None:
    levels = {PLACE: (3, 0), ("cj-2", "EAST"): (4, 0)}
    balances = stock.balances(levels)
    assert balances[0].balanced
    _, on_hand, _ = checks.compare_stock(stock, levels, balances)
    assert on_hand.wrong == 2


@pytest.mark.parametrize(("placed", "captured", "wrong"), [(2, 300, 0), (3, 300, 1), (2, 299, 1)])
def test_orders_and_money_balance(placed: int, captured: int, wrong: int) -> None:
    statistics = Statistics(placed=placed)
    statistics.statuses.update({Status.COMPLETED: 1, Status.CANCELLED: 1})
    statistics.ended = [EndedOrder("A", captured, 100, 200, {}), EndedOrder("B", 50, 50, 0, {})]
    found = checks.compare_orders(statistics)
    assert sum(check.wrong for check in found) == wrong
    assert _printed(statistics, {}).count("✗") == wrong


def _printed(statistics: Statistics, levels: dict[tuple[str, str], tuple[int, int]]) -> str:
    text = io.StringIO()
    report.show(Console(file=text, width=150), statistics, [], statistics.stock.balances(levels), 1.0)
    return text.getvalue()
