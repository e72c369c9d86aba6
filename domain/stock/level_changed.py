"""The event that tells a channel how many units of a product it can sell."""

STOCK_LEVEL_CHANGED = "stock.level_changed"
