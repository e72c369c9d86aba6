-- One parcel goes out for each part of an order.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS shipments_one_live_each ON shipments (order_no, fulfilment_no)
  WHERE status <> 'cancelled' AND replaced_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS shipments_one_live;
