-- Only what the previous version writes itself: what the sum of the reservations writes needs no second look.
DROP TRIGGER allocation_followed ON allocations;
CREATE TRIGGER allocation_followed AFTER INSERT OR UPDATE ON allocations
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION follow_allocation();
