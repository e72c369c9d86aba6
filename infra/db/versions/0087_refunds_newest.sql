CREATE INDEX CONCURRENTLY IF NOT EXISTS refunds_newest ON refunds (created_at DESC);
