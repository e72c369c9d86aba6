"""Answers of reports."""

from pydantic import BaseModel, Field

from api.schemas.answers import Time


class HourCount(BaseModel):
    """Orders that were placed in an hour of the day, counted from midnight."""

    hour: int
    today: int
    last_week: int


class OrdersToday(BaseModel):
    """Orders of today beside those of the same day last week: until the same time, and of the whole day."""

    today: int
    last_week_same_time: int
    last_week: int
    at_least: bool = Field(description="True where a day has more orders than are counted.")
    by_hour: list[HourCount]


class Sales(BaseModel):
    """The totals of placed orders that were not cancelled, in one currency."""

    currency: str
    today_minor: int
    last_week_same_time_minor: int
    last_week_minor: int


class StatusCount(BaseModel):
    """Orders in a status; `at_least` stands for any larger number."""

    status: str
    orders: int
    at_least: bool


class PlacedToShipped(BaseModel):
    """From placing to shipping, of the newest shipped orders that were placed in the last 7 days."""

    median_s: float
    p90_s: float
    orders: int


class AttentionCause(BaseModel):
    """Orders that need attention for one cause; `retrying` ones are still tried. The money is what they hold."""

    step: str
    error: str
    provider: str | None
    orders: int
    retrying: int
    since: Time
    currency: str
    amount_minor: int


class SoldOutProduct(BaseModel):
    """A product on sale of which a warehouse has nothing left but its safety stock."""

    sku: str
    name: str
    warehouse: str
    on_hand: int
    reserved: int
    safety_stock: int


class SoldOutProducts(BaseModel):
    """Some of them; `more` says that there are others."""

    items: list[SoldOutProduct]
    more: bool


class RefundedAmount(BaseModel):
    """Refunds in one currency."""

    currency: str
    refunds: int
    amount_minor: int


class RefundReport(BaseModel):
    """Refunds of the last 7 days, those that wait for approval, and those that are being paid."""

    last_7_days: list[RefundedAmount]
    waiting_for_approval: int
    being_paid: int


class DayCount(BaseModel):
    """Orders of a day, and those of the day as many days before."""

    day: str
    orders: int
    before: int


class DaySales(BaseModel):
    """Sales of a day in one currency."""

    day: str
    sales_minor: int
    before_minor: int


class PeriodSales(BaseModel):
    """The totals of placed orders that were not cancelled, in one currency, and those of the period before."""

    currency: str
    sales_minor: int
    before_minor: int
    by_day: list[DaySales]


class PeriodReport(BaseModel):
    """The last days beside as many days before. With `too_many`, there are more orders than a report reads, and it has
    no figures of orders and sales: ask for fewer days."""

    as_of: Time
    days: int
    first_day: str
    time_zone: str
    too_many: bool
    orders: int
    before: int
    by_day: list[DayCount]
    sales: list[PeriodSales]
    placed_to_shipped: PlacedToShipped | None
    refunds: list[RefundedAmount]


class HomeReport(BaseModel):
    """The day of the shop, at most some seconds old. What the role may not see is null."""

    as_of: Time
    day: str = Field(description="Today in the time zone of the shop.")
    time_zone: str
    orders: OrdersToday
    sales: list[Sales] | None
    statuses: list[StatusCount]
    placed_to_shipped: PlacedToShipped | None
    attention: list[AttentionCause] | None
    low_stock: SoldOutProducts
    refunds: RefundReport | None
