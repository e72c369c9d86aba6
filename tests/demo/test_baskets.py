"""The demo's pure parts: which baskets, what they become, what is left of them after a refusal."""

import gzip
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from domain.orders.status import OrderEvent, Status, next_status, reachable
from workers.demo import plan
from workers.demo.arrangements import Arrangement, arranged, neighbour
from workers.demo.baskets import dataset, extract
from workers.demo.baskets.catalogue import Article
from workers.demo.baskets.customers import REGIONS, customer_of, region_of
from workers.demo.baskets.dataset import BUNDLED, BUNDLED_BASKETS, Basket, Household, Line, TooFewBaskets
from workers.demo.behaviour.scenario_scripts import SCRIPTS
from workers.demo.behaviour.scenarios import FIRST, LATER, SPECS, Scenario, scenario_of
from workers.demo.plan import Plan
from workers.demo.results.statistics import Statistics
from workers.demo.runner import orders

ROOT = Path(__file__).resolve().parents[2]
ARTICLES = {
    "cj-1": Article("cj-1", "Bread", 199, True),
    "cj-2": Article("cj-2", "Milk", 250, True),
    "cj-9": Article("cj-9", "Gasoline", 0, False),
}
MIXED = (Line("cj-1", 2), Line("cj-2", 0), Line("cj-9", 17_426), Line("cj-404", 1))


HOUSEHOLD = Household(42, "Ann (made up)", "1 Made-up Road")


@pytest.fixture(scope="module")
def hundred() -> Plan:
    return plan.make(BUNDLED, 100, seed=1)


def test_the_extract_is_what_its_script_makes(tmp_path: Path) -> None:
    extract.write(tmp_path, BUNDLED_BASKETS)
    made = {file.name: gzip.decompress(file.read_bytes()) for file in tmp_path.iterdir()}
    content = {file.name: gzip.decompress(file.read_bytes()) for file in BUNDLED.glob("*.gz")}
    assert sorted(made) == sorted(content)
    assert all(made[name] == content[name] for name in content), "run python -m workers.demo.baskets.extract"


def test_the_demo_needs_neither_pyarrow_nor_pandas_nor_faker() -> None:
    """In a process of its own: others in this one may have imported them."""
    program = (
        "import sys; from workers.demo import run, plan; plan.make(run.BUNDLED, 20, 1);"
        "print([name for name in ('pyarrow', 'pandas', 'numpy', 'faker') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_more_baskets_than_there_are_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TooFewBaskets, match=r"has 5,000 baskets, not 5001: ask for fewer with --orders"):
        plan.make(BUNDLED, BUNDLED_BASKETS + 1, seed=1)
    with pytest.raises(TooFewBaskets, match="does not exist"):
        plan.make(tmp_path, 1, seed=1)


def test_baskets_come_whole_and_in_the_order_of_the_file() -> None:
    few, more = list(dataset.read(BUNDLED, 30)), list(dataset.read(BUNDLED, 3000))
    assert few == more[:30]
    assert [basket.index for basket in more] == list(range(3000))
    assert len({basket.basket_id for basket in more}) == 3000
    assert all(basket.lines for basket in more)


def test_reading_keeps_one_basket_in_memory() -> None:
    next(iter(dataset.read(BUNDLED, 1)))
    tracemalloc.start()
    try:
        lines = sum(len(basket.lines) for basket in dataset.read(BUNDLED, 5_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines > 50_000
    assert peak < 2_000_000


def test_the_plan_stocks_each_order_but_what_is_arranged(hundred: Plan) -> None:
    need: Counter[tuple[str, str]] = Counter()
    for planned in hundred.orders():
        warehouse = region_of(planned.basket.household).warehouse
        for line in hundred.sendable(planned.basket.lines):
            # A parcel that is lost is sent again.
            need[line.sku, warehouse] += line.quantity * (2 if planned.scenario is Scenario.RESHIPPED else 1)
    skus = {arrangement.sku for arrangement in hundred.arrangements}
    assert skus
    assert hundred.demand == {where: units for where, units in need.items() if where[0] not in skus}
    assert {warehouse for _, warehouse in need} == {region.warehouse for region in REGIONS}
    assert len(REGIONS) == 4


def test_only_one_basket_wants_an_arranged_article(hundred: Plan) -> None:
    wanted_by: dict[str, set[int]] = {}
    for planned in hundred.orders():
        for line in planned.basket.lines:
            wanted_by.setdefault(line.sku, set()).add(planned.basket.basket_id)
    arranged_for = [
        (wanted_by[arrangement.sku], planned.basket.basket_id)
        for planned in hundred.orders()
        for arrangement in planned.arrangements
    ]
    assert len(arranged_for) == len(hundred.arrangements) > 0
    assert all(wanted == {basket_id} for wanted, basket_id in arranged_for)


@pytest.mark.parametrize("scenario", [Scenario.OUT_OF_STOCK, Scenario.BACKORDERED])
def test_an_order_that_is_short_lacks_one_unit(scenario: Scenario) -> None:
    lines = (Line("cj-1", 2), Line("cj-2", 1), Line("cj-1", 1))
    home = region_of(HOUSEHOLD).warehouse
    assert arranged(scenario, HOUSEHOLD, lines, {"cj-1"}) == (Arrangement("cj-1", home, {home: 2}),)
    assert arranged(scenario, HOUSEHOLD, lines, set()) is None


def test_no_warehouse_has_both_articles_of_an_order_that_is_split() -> None:
    lines = (Line("cj-1", 2), Line("cj-2", 1))
    planned = arranged(Scenario.SPLIT, HOUSEHOLD, lines, {"cj-1", "cj-2"})
    assert planned is not None
    assert [sum(arrangement.levels.values()) for arrangement in planned] == [2, 1]
    assert len({warehouse for arrangement in planned for warehouse in arrangement.levels}) == 2
    assert arranged(Scenario.SPLIT, HOUSEHOLD, lines, {"cj-1"}) is None


def test_what_is_not_found_is_at_another_warehouse() -> None:
    lines, home = (Line("cj-1", 1), Line("cj-2", 1)), region_of(HOUSEHOLD).warehouse
    planned = arranged(Scenario.PICKED_SHORT, HOUSEHOLD, lines, {"cj-1"})
    assert planned == (Arrangement("cj-1", home, {home: 1, neighbour(home): 1}),)
    assert arranged(Scenario.PICKED_SHORT, HOUSEHOLD, lines[:1], {"cj-1"}) is None


@pytest.mark.parametrize("seed", range(8))
def test_a_scenario_waits_for_a_basket_that_fits(seed: int) -> None:
    assert {planned.scenario for planned in plan.make(BUNDLED, 27, seed).orders()} == set(Scenario)


def test_prices_are_cents_and_fuel_is_not_on_sale(hundred: Plan) -> None:
    assert all(isinstance(article.price_minor, int) for article in hundred.articles.values())
    sold = [article for article in hundred.articles.values() if article.active]
    assert sum(1 for article in sold if article.price_minor > 0) > 0.95 * len(sold)
    fuel = [article for article in hundred.articles.values() if "GASOLINE" in article.name]
    assert fuel
    assert not any(article.active for article in fuel)


def test_a_seed_decides_everything() -> None:
    def scenarios(seed: int) -> list[Scenario]:
        return [planned.scenario for planned in plan.make(BUNDLED, 60, seed).orders()]

    assert scenarios(1) == scenarios(1)
    assert scenarios(1) != scenarios(2)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_first_orders_show_every_scenario(seed: int) -> None:
    assert {scenario_of(number, seed) for number in range(FIRST)} == set(Scenario)
    later = Counter(scenario_of(number, seed) for number in range(FIRST, FIRST + 4 * LATER))
    assert {later[scenario] for scenario in Scenario if scenario is not Scenario.PLAIN} == {4}


def test_every_scenario_has_a_script_and_a_legal_end() -> None:
    assert set(SCRIPTS) == set(SPECS) == set(Scenario)
    assert {spec.status for spec in SPECS.values()} == {Status.COMPLETED, Status.CANCELLED} <= reachable()
    assert all((spec.cause is None) == (spec.status is Status.COMPLETED) for spec in SPECS.values())
    assert next_status(Status.DELIVERED, OrderEvent.RETURN_WINDOW_CLOSED) is Status.COMPLETED


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("invalid_quantity", ("cj-1", "cj-9", "cj-404")),
        ("unknown_sku", ("cj-1", "cj-2", "cj-9")),
        ("product_inactive", ("cj-1", "cj-2", "cj-404")),
        ("too_many_lines", ("cj-1", "cj-2", "cj-9")),
    ],
)
def test_a_correction_leaves_out_what_was_refused_and_nothing_else(code: str, left: tuple[str, ...]) -> None:
    corrected = orders.corrected(code, MIXED, ARTICLES, max_lines=3)
    assert corrected is not None
    assert tuple(line.sku for line in corrected) == left


def test_all_corrections_together_leave_what_can_be_sent() -> None:
    lines: tuple[Line, ...] | None = MIXED
    for code in ("invalid_quantity", "unknown_sku", "product_inactive"):
        assert lines is not None
        lines = orders.corrected(code, lines, ARTICLES, max_lines=500)
    assert lines == (Line("cj-1", 2),)


@pytest.mark.parametrize("code", ["total_out_of_range", "invalid_quantity"])
def test_what_no_correction_helps_is_given_up(code: str) -> None:
    assert orders.corrected(code, (Line("cj-1", 1),), ARTICLES, max_lines=500) is None


def test_a_basket_becomes_an_order_without_prices() -> None:
    basket = Basket(3, 555, HOUSEHOLD, (Line("cj-1", 2),))
    body = orders.body(basket, basket.lines, Scenario.DECLINED, "abc").to_dict()
    assert body["lines"] == [{"sku": "cj-1", "quantity": 2}]
    assert body["payment"] == {"method": "sandbox", "token": "tok_decline"}
    assert (body["external_ref"], body["currency"], body["channel"]) == ("cj-555-abc", "USD", "demo")
    assert body["customer"]["id"] == "c-hh-42"


def test_who_interferes_with_payment_or_parcel_needs_the_order_number_first() -> None:
    body = orders.body(Basket(0, 1, HOUSEHOLD, MIXED), MIXED, Scenario.CARRIER_DOWN, "abc").to_dict()
    assert "payment" not in body


def test_people_say_that_they_are_made_up() -> None:
    for basket in dataset.read(BUNDLED, BUNDLED_BASKETS):
        customer, address = customer_of(basket.household)
        assert "(made up)" in customer.name
        assert "Made-up" in address.line1
        assert str(customer.email).endswith("@example.com")
        assert address.province == region_of(basket.household).province


def test_the_statistics_count_stages_once_and_keep_deviations() -> None:
    statistics = Statistics()
    statistics.advance(0, 1)
    statistics.advance(1, 4)
    assert [statistics.reached[stage] for stage in range(1, 6)] == [1, 1, 1, 1, 0]
    statistics.close(Scenario.PLAIN, "completed", None)
    statistics.close(Scenario.PLAIN, "cancelled: out_of_stock", "X ended wrongly")
    group = statistics.summary()["groups"][0]
    assert (group["orders"], group["as_expected"]) == (2, 1)
    assert statistics.wrong == 1
    assert "X ended wrongly" in statistics.deviations[0]
