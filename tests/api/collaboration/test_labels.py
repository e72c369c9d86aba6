"""Tags and assignees over HTTP: normalised, limited, suggested, and what lists are filtered by."""

import asyncio

import httpx

from domain.orders.tags import MAX_TAGS
from tests.api.collaboration.test_notes import colleague
from tests.api.conftest import ApiClient, unique
from tests.factories.sales import placed


async def tag(caller: ApiClient, order_no: str, *tags: str) -> httpx.Response:
    return await caller.http.put(f"/v1/orders/{order_no}/tags", json={"tags": list(tags)}, headers=caller.headers)


async def assign(caller: ApiClient, order_no: str, name: str | None) -> httpx.Response:
    body = {"assignee": name}
    return await caller.http.put(f"/v1/orders/{order_no}/assignee", json=body, headers=caller.headers)


async def test_tags_are_normalised_and_replace_each_other(shop: ApiClient) -> None:
    order_no = await placed(shop)
    found = await tag(shop, order_no, "  VIP  Customer ", "vip customer", "ＶＩＰ customer", "复核")
    assert (found.status_code, found.json()["tags"]) == (200, ["vip customer", "复核"])
    assert (await tag(shop, order_no, "复核")).json()["tags"] == ["复核"]
    entries = (await shop.as_("operations").get("/v1/audit", order_no=order_no)).json()["items"]
    did = [(one["action"], one["before"], one["after"], one["actor"]) for one in entries if "tag" in one["action"]]
    assert did[0] == ("tag_removed", "vip customer", None, "support:amy") and len(did) == 3


async def test_what_is_no_tag_is_refused_and_the_tags_stay(shop: ApiClient) -> None:
    order_no = await placed(shop)
    await tag(shop, order_no, "kept")
    for wrong in ("a,b", "x" * 41, "\u3164", "a\u202eb", "ﷺ" * 5):
        answer = await tag(shop, order_no, wrong)
        assert answer.status_code == 422 and answer.json()["code"] in ("invalid_tag", "invalid_text", "blank_text"), (
            wrong
        )
    many = await tag(shop, order_no, *(f"t{number}" for number in range(MAX_TAGS + 1)))
    assert (many.status_code, many.json()["code"]) == (422, "too_many_tags")
    assert (await shop.get(f"/v1/orders/{order_no}")).json()["tags"] == ["kept"]


async def test_the_database_counts_the_tags_of_an_order(shop: ApiClient) -> None:
    order_no = await placed(shop)
    full = [f"t{number:02}" for number in range(MAX_TAGS)]
    assert (await tag(shop, order_no, *full)).status_code == 200
    assert (await tag(shop, order_no, *full)).json()["tags"] == full
    services = shop.app.state.services
    from api.services.collaboration import order_labels
    from domain.access import Principal, Role

    amy = Principal(Role.SUPPORT, "amy")
    await order_labels.change_tags(services, amy, order_no, order_labels.TagChange(remove=["t00"]))
    more = (order_labels.TagChange(add=[name]) for name in ("one", "two", "three"))
    changes = [order_labels.change_tags(services, amy, order_no, change) for change in more]
    done = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(one, list) for one in done) == 1
    assert len((await shop.get(f"/v1/orders/{order_no}")).json()["tags"]) == MAX_TAGS


async def test_lists_are_filtered_by_tag_and_assignee_and_tags_are_suggested(shop: ApiClient) -> None:
    pat, name = await colleague(shop), unique("fragile").lower()
    tagged, assigned, both = [await placed(shop) for _ in range(3)]
    for order_no in (tagged, both):
        await tag(shop, order_no, name)
    for order_no in (assigned, both):
        assert (await assign(shop, order_no, pat)).json() == {"order_no": order_no, "assignee": pat}

    async def listed(**filters: str) -> list[str]:
        return [row["order_no"] for row in (await shop.get("/v1/orders", **filters)).json()["items"]]

    assert await listed(tag=name.upper()) == [both, tagged]
    assert await listed(assignee=pat) == [both, assigned]
    assert await listed(tag=name, assignee=pat) == [both]
    assert await listed(tag=name, q=both) == [both] and await listed(tag=name, q=assigned) == []
    first = (await shop.get("/v1/orders", tag=name, limit=1)).json()
    assert first["items"][0]["tags"] == [name] and first["items"][0]["assignee"] == pat
    assert await listed(tag=name, limit="1", cursor=first["next_cursor"]) == [tagged]
    assert (await shop.get("/v1/tags", prefix=name[:7].upper())).json()["items"] == [{"tag": name}]
    assert (await shop.get("/v1/tags", prefix="zzzz")).json()["items"] == []
    assert (await assign(shop, both, None)).json()["assignee"] is None and await listed(assignee=pat) == [assigned]


async def test_an_order_is_assigned_to_an_active_member_of_staff_only(shop: ApiClient) -> None:
    order_no, gone = await placed(shop), await colleague(shop)
    await shop.sql("UPDATE staff SET active = false WHERE name = %s RETURNING name", gone)
    for name in (gone, "nobody-here"):
        answer = await assign(shop, order_no, name)
        assert (answer.status_code, answer.json()["code"]) == (404, "staff_not_found")
    assert (await assign(shop, order_no, "not a name")).status_code == 422
