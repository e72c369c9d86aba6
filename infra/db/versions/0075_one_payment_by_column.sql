-- One payment takes the difference of a change, one authorisation stands for a guarantee: as before, by their columns.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_change_payment ON payments (order_no, change_payment_no)
  WHERE kind = 'capture' AND purpose = 'supplement' AND status <> 'failed';
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_guarantee_authorisation ON payments (guarantee_return_id)
  WHERE kind = 'authorise' AND purpose = 'guarantee' AND status = 'succeeded';
DROP INDEX CONCURRENTLY IF EXISTS payments_one_supplement;
DROP INDEX CONCURRENTLY IF EXISTS payments_one_guarantee;
-- The item of a bulk action is found by its resolution.
CREATE INDEX CONCURRENTLY IF NOT EXISTS support_job_items_resolution ON support_job_items (resolution_id);
ALTER TABLE payments VALIDATE CONSTRAINT payment_of_a_change;
ALTER TABLE payments VALIDATE CONSTRAINT payment_of_a_guarantee;
ALTER TABLE payments VALIDATE CONSTRAINT payment_of_its_change;
ALTER TABLE payments VALIDATE CONSTRAINT payment_of_its_guarantee;
