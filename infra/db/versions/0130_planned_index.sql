-- Few at any time: those that wait for stock.
CREATE INDEX CONCURRENTLY IF NOT EXISTS fulfilments_planned ON fulfilments (order_no, number) WHERE status = 'planned';
