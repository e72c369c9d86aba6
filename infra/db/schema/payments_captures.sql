-- Payments: captures with each fulfilment
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after shipping.sql.

-- What is captured of which line with a fulfilment, frozen before its provider is asked. Append-only.
CREATE TABLE capture_lines (
  order_no       text NOT NULL,
  fulfilment_no  integer NOT NULL,
  line_no        integer NOT NULL,
  quantity       bigint NOT NULL CHECK (quantity >= 0),
  goods_minor    bigint NOT NULL CHECK (goods_minor >= 0),
  shipping_minor bigint NOT NULL CHECK (shipping_minor >= 0),
  CONSTRAINT capture_lines_pkey PRIMARY KEY (order_no, fulfilment_no, line_no),
  CONSTRAINT capture_lines_order_no_fulfilment_no_fkey FOREIGN KEY (order_no, fulfilment_no)
      REFERENCES fulfilments (order_no, number),
  CONSTRAINT capture_lines_order_no_line_no_fkey FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no,
      line_no)
);

CREATE TRIGGER capture_lines_append_only BEFORE DELETE OR UPDATE ON capture_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- All fulfilments together take of a line what was paid for it, and its units, at most.
CREATE FUNCTION check_captured_line()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM order_lines WHERE order_no = NEW.order_no AND line_no = NEW.line_no FOR UPDATE;
  IF EXISTS (SELECT FROM order_lines l JOIN capture_lines c USING (order_no, line_no)
              WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no
              GROUP BY l.order_no, l.line_no
             HAVING sum(c.quantity) > l.quantity OR sum(c.shipping_minor) > l.shipping_minor
                 OR sum(c.goods_minor) > l.paid_minor - l.shipping_minor) THEN
    RAISE EXCEPTION 'more of a line is to be captured than it costs' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER captured_within_line AFTER INSERT ON capture_lines FOR EACH ROW EXECUTE FUNCTION check_captured_line();

-- Sums of an authorisation that is captured in several parts. Stored for their constraint only: no more is captured and
-- released than was authorised.
CREATE TABLE authorisation_totals (
  payment_id       bigint PRIMARY KEY REFERENCES payments,  -- the authorisation
  authorised_minor bigint NOT NULL CHECK (authorised_minor > 0),
  captured_minor   bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
  released_minor   bigint NOT NULL DEFAULT 0 CHECK (released_minor >= 0),
  CONSTRAINT captures_within_authorisation CHECK ((captured_minor + released_minor) <= authorised_minor)
);

-- A capture takes its room at the intent, so that two cannot take the same money; so does the void of the rest.
CREATE FUNCTION count_capture()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken bigint := CASE WHEN NEW.status = 'failed' THEN 0 ELSE NEW.amount_minor END
                - CASE WHEN TG_OP = 'INSERT' OR OLD.status = 'failed' THEN 0 ELSE NEW.amount_minor END;
BEGIN
  IF taken = 0 THEN
    RETURN NULL;
  END IF;
  IF NEW.kind = 'void' THEN
    UPDATE authorisation_totals SET released_minor = released_minor + taken WHERE payment_id = NEW.parent_id;
    RETURN NULL;
  END IF;
  INSERT INTO authorisation_totals (payment_id, authorised_minor)
  SELECT a.payment_id, a.amount_minor FROM payments a
   WHERE a.payment_id = NEW.parent_id AND a.kind = 'authorise' AND a.status = 'succeeded'
  ON CONFLICT (payment_id) DO NOTHING;
  UPDATE authorisation_totals SET captured_minor = captured_minor + taken WHERE payment_id = NEW.parent_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'capture_without_authorisation' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

-- Minor units of an authorisation that are neither captured with a fulfilment nor released.
CREATE FUNCTION authorised_left_minor(asked_payment_id bigint, whole_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce((SELECT t.authorised_minor - t.captured_minor - t.released_minor FROM authorisation_totals t
                    WHERE t.payment_id = asked_payment_id), whole_minor)
$$;

-- Of tables in earlier files

CREATE TRIGGER part_capture_counts AFTER INSERT OR UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL AND NEW.provider <> 'manual' AND (NEW.fulfilment_no IS NOT NULL
    OR NEW.kind = 'void'))
  EXECUTE FUNCTION count_capture();

-- Rights

GRANT SELECT ON authorisation_totals, capture_lines TO oms_app;
GRANT INSERT (fulfilment_no, goods_minor, line_no, order_no, quantity, shipping_minor) ON capture_lines TO oms_app;
REVOKE EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint), check_captured_line(), count_capture() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint) TO oms_app;
