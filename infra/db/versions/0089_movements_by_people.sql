-- Orders reserve, release and ship; none of these is in the index, so that it costs them nothing.
CREATE INDEX CONCURRENTLY IF NOT EXISTS stock_movements_by_people ON stock_movements (sku, movement_id)
  WHERE kind NOT IN ('reserve', 'release', 'ship');
