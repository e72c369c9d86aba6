"""Freight is estimated, booked and billed: three facts of a ledger, and every difference is a person's decision."""

import csv
import io
from typing import Any

import psycopg
import pytest

from infra.db.shipping import carrier_bills
from tests.api.conftest import ApiClient, unique
from tests.factories.freight import bill, decide, differences, freight, parcel, sent

HEAD = "tracking_no,amount\n"


@pytest.fixture
def staff(shop: ApiClient) -> ApiClient:
    return shop.as_("admin")


async def test_what_was_billed_as_booked_needs_nobody(staff: ApiClient) -> None:
    one = await parcel(staff, 800)
    found = await bill(staff, f"{HEAD}{one.label},8.00\n")
    assert (found["state"], found["total"], found["compared"]) == ("compared", 1, 1)
    assert (found["billed_minor"], found["differences"], found["file_name"]) == (800, [], "may.csv")
    (known,) = await freight(staff, one.order_no)
    amount = {"amount_minor": 800, "currency": "CNY"}
    assert (known["booked"], known["billed"], known["differences"]) == (amount, [amount], [])


async def test_an_estimate_by_a_profile_stands_beside_the_booking(staff: ApiClient) -> None:
    one = await parcel(staff, 800)
    profile = {"name": "p", "reason": "r", "created_by": "t"}
    (row,) = await staff.sql(
        "INSERT INTO sourcing_profiles (name, reason, created_by) VALUES (%s, %s, %s) RETURNING version",
        *profile.values(),
    )
    chosen = '{"chosen": [{"warehouse": "WH-EAST", "lines": [], "freight_minor": 950}]}'
    save = "INSERT INTO sourcing_decisions (order_no, version, decision) VALUES (%s, %s, CAST(%s AS jsonb))"
    for _ in range(2):  # decided anew: the first estimate stands
        await staff.sql(save + " RETURNING 1", one.order_no, row["version"], chosen)
    (known,) = await freight(staff, one.order_no)
    assert (known["estimated"]["amount_minor"], known["booked"]["amount_minor"]) == (950, 800)


async def _every_kind(staff: ApiClient) -> tuple[dict[str, Any], dict[str, str]]:
    """A bill with a row of each kind, and the tracking number of each."""
    fine, more, none, gone, dollars = [await parcel(staff, cost) for cost in (800, 800, None, 800, None)]
    before = await parcel(staff, 500)
    await bill(staff, f"{HEAD}{before.label},5\n")
    await staff.sql("UPDATE shipments SET status = 'cancelled' WHERE shipment_id = %s", gone.shipment_id)
    await staff.sql(
        "UPDATE shipments SET cost_minor = 900, cost_currency = 'USD' WHERE shipment_id = %s", dollars.shipment_id
    )
    stranger = unique("STRANGER")
    rows = [
        (fine.label, "8.00", ""), (fine.label, "8.00", ""), (more.label, "9.50", ""), (none.label, "7", ""),
        (gone.label, "8", ""), (stranger, "1", ""), (before.label, "5", ""), (dollars.label, "9", "CNY"),
        (more.label, "-3.00", ""), (fine.label, "eight", ""), (fine.label, "8.001", ""), ("two words", "8", ""),
        (fine.label, "8", "XXY"),
    ]  # fmt: skip
    lines = "".join(",".join(row) + "\n" for row in rows)
    found = await bill(staff, f"tracking_no,amount,currency\n{lines}")
    names = {"amount": more.order_no, "not_booked": none.order_no, "cancelled_parcel": gone.order_no}
    return found, names | {"billed_before": before.order_no, "other_currency": dollars.order_no}


async def test_every_row_that_is_not_what_was_booked_is_a_difference_of_its_kind(staff: ApiClient) -> None:
    found, orders = await _every_kind(staff)
    rows = await differences(staff, found["bill_id"])
    assert [(row["line"], row["kind"]) for row in rows] == [
        (3, "billed_twice"), (4, "amount"), (5, "not_booked"), (6, "cancelled_parcel"), (7, "unknown_parcel"),
        (8, "billed_before"), (9, "other_currency"), (10, "negative_amount"), (11, "unreadable"), (12, "unreadable"),
        (13, "unreadable"), (14, "unreadable"),
    ]  # fmt: skip
    assert {row["kind"]: row["order_no"] for row in rows}.items() >= orders.items()
    assert {row["state"] for row in rows} == {"open"}
    counts = {one["kind"]: (one["number"], one["difference_minor"]) for one in found["differences"]}
    assert (counts["amount"], counts["unreadable"][0], found["total"]) == ((1, 150), 4, 13)
    (known,) = await freight(staff, orders["amount"])
    assert (known["billed"][0]["amount_minor"], known["differences"][0]["booked_minor"]) == (950, 800)


async def test_what_is_disputed_and_credited_is_billed_as_it_was_booked(staff: ApiClient) -> None:
    one = await parcel(staff, 800)
    (row,) = await differences(staff, (await bill(staff, f"{HEAD}{one.label},9.50\n"))["bill_id"])
    assert (await decide(staff, row["difference_id"], "credit")).json()["code"] == "difference_decided"
    disputed = (await decide(staff, row["difference_id"], "dispute", "wrong weight")).json()
    assert (disputed["state"], disputed["owner"], disputed["decided_by"]) == ("disputed", "fay", "finance:fay")
    assert (await decide(staff, row["difference_id"], "credit")).json()["state"] == "credited"
    (known,) = await freight(staff, one.order_no)
    assert known["billed"] == [{"amount_minor": 800, "currency": "CNY"}]
    again = await decide(staff, row["difference_id"], "accept")
    assert (again.status_code, again.json()["code"]) == (409, "difference_decided")
    log = await staff.sql(
        "SELECT actor, after FROM audit_log WHERE action = 'freight_difference_changed' AND reference = %s ORDER BY 2",
        str(row["difference_id"]),
    )
    assert [entry["actor"] for entry in log] == ["finance:fay"] * 2


@pytest.mark.parametrize(("cells", "after"), [("9.50", 950), ("8", 800)])
async def test_what_is_accepted_is_owed_as_billed(staff: ApiClient, cells: str, after: int) -> None:
    """Also the second bill of a parcel, which adds to the first."""
    one = await parcel(staff, 800)
    first = await bill(staff, f"{HEAD}{one.label},{cells}\n")
    second = await bill(staff, f"{HEAD}{one.label},1.20\n")
    for row in [
        *await differences(staff, first["bill_id"], kind="amount"),
        *await differences(staff, second["bill_id"]),
    ]:
        assert (await decide(staff, row["difference_id"], "accept")).status_code == 200
    (known,) = await freight(staff, one.order_no)
    assert known["billed"] == [{"amount_minor": after + 120, "currency": "CNY"}]


async def test_nothing_is_accepted_where_no_amount_could_be_read(staff: ApiClient) -> None:
    (row,) = await differences(staff, (await bill(staff, f"{HEAD}{unique('T')},many\n"))["bill_id"])
    refused = await decide(staff, row["difference_id"], "accept")
    assert (refused.status_code, refused.json()["code"]) == (422, "difference_unreadable")
    assert (await decide(staff, row["difference_id"], "dispute")).status_code == 200


async def test_a_difference_has_an_owner_until_it_is_over(staff: ApiClient) -> None:
    (row,) = await differences(staff, (await bill(staff, f"{HEAD}{unique('T')},1\n"))["bill_id"])
    path = f"/v1/freight-differences/{row['difference_id']}/owner"
    owned = await staff.as_("finance").post(path, {"owner": "bo"})
    assert (owned.status_code, owned.json()["owner"]) == (200, "bo")
    assert (await decide(staff, row["difference_id"], "accept")).json()["owner"] == "bo"
    late = await staff.as_("finance").post(path, {"owner": "amy"})
    assert (late.status_code, late.json()["code"]) == (409, "difference_decided")


async def test_the_same_bill_is_taken_once(staff: ApiClient) -> None:
    number, key, file = unique("B"), unique("k"), f"{HEAD}{unique('T')},1\n"
    first, repeated = [await sent(staff, file, key, bill_no=number) for _ in range(2)]
    assert first.json()["bill_id"] == repeated.json()["bill_id"] and repeated.status_code == 202
    for again in (await sent(staff, f"{file}{unique('T')},1\n", bill_no=number), await sent(staff, file)):
        assert (again.status_code, again.json()["code"]) == (409, "carrier_bill_exists")
    other = await sent(staff, file, bill_no=number, carrier="ups")
    assert other.status_code == 202


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
async def test_every_usual_encoding_and_separator_is_read(staff: ApiClient, encoding: str, separator: str) -> None:
    one = await parcel(staff, 123_450)
    rows = [["序号", "运单号", "收件人", "运费（元）", "币种"], ["1", f"'{one.label}", "李雷", "1,234.50", "人民币"]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    found = await bill(staff, text.getvalue().encode(encoding))
    assert (found["differences"], found["billed_minor"]) == ([], 123_450)


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "import_empty"),
    "a header alone": (b"tracking_no,amount\r\n", "import_empty"),
    "no amounts": (b"tracking_no,weight\nT1,1\n", "carrier_bill_columns"),
    "two columns of amounts": (b"tracking_no,amount,fee\nT1,1,2\n", "carrier_bill_columns"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(range(256)), "import_unreadable"),
    "an open quote": (b'tracking_no,amount\nT1,"1\n' + b"x" * 200_000, "import_unreadable"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_refused_and_leaves_nothing(staff: ApiClient, name: str) -> None:
    content, code = BAD_FILES[name]
    before = await staff.row_counts()
    answer = await sent(staff, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await staff.row_counts() == before


@pytest.mark.parametrize("fields", [{"currency": "XXY"}, {"carrier": ""}, {"bill_no": "x" * 65}, {"bill_no": "a\x00"}])
async def test_bad_fields_are_refused(staff: ApiClient, fields: dict[str, str]) -> None:
    answer = await sent(staff, f"{HEAD}T1,1\n", **fields)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] in fields, answer.text


async def test_cells_that_break_a_line_of_a_copy_are_kept_apart(staff: ApiClient) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["tracking_no", "amount"], ["A\tB\\N", "1"], ["two\nlines", "1"], ["\\.", "1"]])
    found = await bill(staff, text.getvalue())
    rows = await differences(staff, found["bill_id"])
    assert [(row["kind"], row["tracking_no"]) for row in rows] == [
        ("unreadable", "A?B?N"), ("unreadable", "two?lines"), ("unreadable", "?."),
    ]  # fmt: skip


async def test_a_long_bill_is_compared_part_by_part_and_a_parcel_is_billed_once(staff: ApiClient) -> None:
    """Doubled rows fall into the same part and into different ones."""
    parcels = [await parcel(staff, 100) for _ in range(3)]
    labels = [one.label for one in parcels]
    rows = [*labels, labels[0], labels[2]]
    async with staff.app.state.services.database.begin() as conn:
        while await carrier_bills.compare_some(conn):
            pass
    async with staff.app.state.services.database.begin() as conn:
        new = carrier_bills.NewBill(unique("bill"), "sandbox", unique("B"), "CNY", "f", b"1", "utf-8", "t")
        await carrier_bills.add(conn, new)

        async def blocks() -> Any:
            for line, label in enumerate(rows, 2):
                copied = f"{new.bill_id}\t{line}\t{label}\t100\tCNY\n".encode()
                yield carrier_bills.Block(copied, 1, line)

        assert await carrier_bills.copy_lines(conn, new.bill_id, blocks()) == 5
    steps = []
    for _ in range(4):
        async with staff.app.state.services.database.begin() as conn:
            more = await carrier_bills.compare_some(conn, at_once=2)
            found = await carrier_bills.found(conn, new.bill_id)
        assert found is not None
        steps.append((more, found.compared, found.state.value))
    assert steps == [
        (True, 1, "comparing"), (True, 3, "comparing"), (True, 5, "compared"), (False, 5, "compared"),
    ]  # fmt: skip
    assert [(row["line"], row["kind"]) for row in await differences(staff, new.bill_id)] == [
        (5, "billed_twice"), (6, "billed_twice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE freight_entries SET amount_minor = 1",
        "DELETE FROM freight_entries",
        "UPDATE carrier_bill_lines SET amount_minor = 1",
        "UPDATE freight_differences SET state = 'credited', reason = 'r', decided_by = 'x', decided_at = now()"
        " WHERE state = 'open'",
        "INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency)"
        " SELECT kind, order_no, fulfilment_no, shipment_id, amount_minor, currency FROM freight_entries"
        " WHERE kind = 'booked' LIMIT 1",
        "INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency)"
        " VALUES ('booked', 'o', 1, 's', -1, 'CNY')",
    ],
)
async def test_the_ledger_refuses_what_is_not_a_new_fact(staff: ApiClient, statement: str) -> None:
    await bill(staff, f"{HEAD}{(await parcel(staff)).label},9\n")
    with pytest.raises(psycopg.Error):
        await staff.sql(statement)


async def test_unknown_bills_differences_and_orders_are_not_found(staff: ApiClient) -> None:
    for path, code in (
        ("/v1/carrier-bills/bill_1", "carrier_bill_not_found"),
        (f"/v1/carrier-bills/bill_{'0' * 32}", "carrier_bill_not_found"),
        ("/v1/orders/0F9C9T-3J0000-00000X/freight", "order_not_found"),
    ):
        answer = await staff.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert (await decide(staff, 2**61, "accept")).json()["code"] == "difference_not_found"


async def test_lists_go_on_from_page_to_page(staff: ApiClient) -> None:
    rows = "".join(f"{unique('T')},1\n" for _ in range(5))
    found = await bill(staff, HEAD + rows)
    seen, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = (await staff.get("/v1/freight-differences", bill_id=found["bill_id"], limit=2, **more)).json()
        seen += [row["line"] for row in answer["items"]]
        if (cursor := answer["next_cursor"]) is None:
            break
    assert seen == [2, 3, 4, 5, 6]
    first = (await staff.get("/v1/carrier-bills", limit=1)).json()
    second = (await staff.get("/v1/carrier-bills", limit=1, cursor=first["next_cursor"])).json()
    assert first["items"][0]["bill_id"] == found["bill_id"] != second["items"][0]["bill_id"]
