-- Functions of the database write allocations inside triggers, too: what they write is what a part has.
DROP TRIGGER allocation_followed ON allocations;
CREATE TRIGGER allocation_followed AFTER INSERT OR UPDATE ON allocations
  FOR EACH ROW EXECUTE FUNCTION follow_allocation();
