"""Support corrects an order's contact on its page, in both languages."""

import re

from tests.api.conftest import ApiClient, unique
from tests.api.notifications.test_notifications import messages_of, placed, tried
from tests.console.conftest import sign_in


def hidden(page: str) -> dict[str, str]:
    """The form's own fields."""
    return {name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("key", "seen")}


async def test_a_contact_is_corrected_and_the_last_message_goes_to_it(shop: ApiClient) -> None:
    number, _ = await placed(shop)
    await tried(shop, number, None)
    path, new = f"/console/orders/{number}", f"{unique('zed')}@example.com"
    support, warehouse = await sign_in(shop, "support"), await sign_in(shop, "warehouse")
    assert f"{path}/contact" in (await support.get(path)).text
    assert f"{path}/contact" not in (await warehouse.get(path)).text
    assert (await warehouse.get(f"{path}/contact")).status_code == 403
    form = (await support.get(f"{path}/contact")).text
    assert "Correct the contact" in form and 'value="li@example.com"' in form
    typed = {"name": "Li Lei", "email": new, "phone": "", "reason": "she rang", "send_last_again": "1", **hidden(form)}
    assert (await support.post(f"{path}/contact", **typed | {"reason": " "})).status_code == 422
    for _ in range(2):  # a form that is sent twice acts once
        answer = await support.post(f"{path}/contact", **typed)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    late = await support.post(f"{path}/contact", **typed | {"key": unique("other"), "email": "late@example.com"})
    assert late.status_code == 412 and "reload it" in late.text
    page = (await support.get(path)).text
    assert new in page and "corrected on this order" in page and "(before: l***@example.com)" in page
    assert "contact corrected" in page and "she rang" in page
    assert "she rang" in (await support.get(f"{path}/audit")).text
    chinese = await sign_in(shop, "support", "zh")
    assert "已在本订单更正" in (await chinese.get(path)).text
    assert "更正联系方式" in (await chinese.get(f"{path}/contact")).text


async def test_the_last_message_is_sent_again_from_the_page(shop: ApiClient) -> None:
    number, _ = await placed(shop)
    await tried(shop, number, None)
    path, support = f"/console/orders/{number}", await sign_in(shop, "support")
    page = (await support.get(path)).text
    assert "Resend the last message" in page
    assert "Resend the last message" not in (await (await sign_in(shop, "finance")).get(path)).text
    form = (await support.get(f"{path}/messages")).text
    key = re.findall(r'name="key" value="([^"]*)"', form)[0]
    for _ in range(2):
        assert (await support.post(f"{path}/messages", key=key)).status_code == 303
    [message] = await messages_of(shop, number)
    assert (message["state"], message["earlier_to"]) == ("open", ["l***@example.com"])
    assert "Resend the last message" not in (await support.get(path)).text
