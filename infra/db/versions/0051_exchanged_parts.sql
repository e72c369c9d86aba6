-- What of the old goods' value each line of an exchange order carries: with added tax that is more than its discount.
ALTER TABLE order_lines ADD COLUMN exchanged_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE order_lines ADD CONSTRAINT line_exchanged_not_negative CHECK (exchanged_minor >= 0) NOT VALID;

-- Orders of earlier versions: what was used, shared over the lines by their discount, each rounded with those before it.
WITH shares AS (
  SELECT l.order_no, l.line_no, e.used_minor, l.discount_minor, sum(l.discount_minor) OVER o AS discount_to,
         sum(l.discount_minor) OVER (PARTITION BY l.order_no) AS discount
    FROM exchanges e JOIN order_lines l ON l.order_no = e.new_order_no WHERE e.used_minor > 0
  WINDOW o AS (PARTITION BY l.order_no ORDER BY l.line_no)
)
UPDATE order_lines l
   SET exchanged_minor = div(s.used_minor * s.discount_to, s.discount)
                         - div(s.used_minor * (s.discount_to - s.discount_minor), s.discount)
  FROM shares s WHERE (l.order_no, l.line_no) = (s.order_no, s.line_no) AND s.discount > 0;

-- The parts are all of it, when the transaction ends; no other order has any.
CREATE FUNCTION check_exchanged_parts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_order text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF (SELECT coalesce(sum(l.exchanged_minor), 0) FROM order_lines l WHERE l.order_no = of_order)
     <> (SELECT coalesce(max(e.used_minor), 0) FROM exchanges e WHERE e.new_order_no = of_order) THEN
    RAISE EXCEPTION 'the lines of an exchange carry what it uses of the old goods'' value' USING ERRCODE = 'OM172';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER exchanged_parts_whole AFTER INSERT ON order_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.exchanged_minor <> 0) EXECUTE FUNCTION check_exchanged_parts('order_no');
CREATE CONSTRAINT TRIGGER exchange_parts_whole AFTER UPDATE ON exchanges DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.new_order_no IS DISTINCT FROM OLD.new_order_no)
  EXECUTE FUNCTION check_exchanged_parts('new_order_no');
ALTER TABLE order_lines VALIDATE CONSTRAINT line_exchanged_not_negative;

GRANT INSERT (exchanged_minor) ON order_lines TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
