-- Urgent orders begin before all others that wait to be begun, unless one of those waits for more than a day: nobody
-- starves. Elsewhere (signals, backorders) their head start stays what it is.
CREATE FUNCTION start_head_s(priority smallint) RETURNS integer IMMUTABLE LANGUAGE sql
  RETURN CASE priority WHEN 2 THEN 86400 WHEN 1 THEN 120 ELSE 0 END;

CREATE OR REPLACE FUNCTION begin_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> 'received' OR NEW.event_seq <> 1 THEN
    RAISE EXCEPTION 'an order begins as received' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO order_events (order_no, seq, type, to_status, actor)
    VALUES (NEW.order_no, 1, 'order_placed', 'received', NEW.placed_by);
  INSERT INTO workflow_requests (kind, subject, trace, rank)
    VALUES ('start_order', NEW.order_no, NEW.trace,
            extract(epoch FROM clock_timestamp()) - start_head_s(NEW.priority));
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION start_head_s FROM PUBLIC;
GRANT EXECUTE ON FUNCTION start_head_s TO oms_app;
