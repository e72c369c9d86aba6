-- Both are partial: an order that ships in one part is in neither.
CREATE INDEX CONCURRENTLY IF NOT EXISTS fulfilments_further ON fulfilments (warehouse, placed_at DESC, order_no DESC)
  WHERE number > 1;
CREATE INDEX CONCURRENTLY IF NOT EXISTS fulfilments_split ON fulfilments (order_no) WHERE number > 1;
