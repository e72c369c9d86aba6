"""Lines of orders show the picture of their product, and its name in the reader's language."""

from api.services.catalogue import line_products
from api.services.catalogue.line_products import NOTHING
from tests.api.catalogue.test_products import added, upload
from tests.api.conftest import ApiClient
from tests.factories.pictures import picture


async def test_lines_have_the_picture_and_the_name_of_their_product(shop: ApiClient) -> None:
    sku = await added(shop, names={"zh": "龙井"})
    picture_id = (await upload(shop, sku, picture())).json()["picture_id"]
    services = shop.app.state.services
    found = await line_products.on_lines(services, [sku, "TEA-1", sku, "GONE"], "zh")
    assert found["GONE"] == found["TEA-1"] == NOTHING
    assert (found[sku].name, found[sku].picture) == ("龙井", f"/v1/pictures/{picture_id}?size=small")
    assert (await line_products.on_lines(services, [sku], "en"))[sku].name is None
    assert (await shop.http.get(str(found[sku].picture))).status_code == 200
