-- Payments: captures with each fulfilment
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after codes.sql.

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

-- What is to be refunded or voided of an order, oldest first: everything of an order that is cancelled, else money
-- without a purpose.
CREATE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE(payment_id bigint, kind text, purpose text, amount_minor bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH held AS (
    SELECT p.payment_id, 'refund' AS kind, p.purpose, t.captured_minor - given_back_minor(p.order_no, p.payment_id) AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = asked_order_no AND p.kind = 'capture' AND p.status = 'succeeded'
       AND (everything OR p.purpose = 'stray')
       AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
    UNION ALL
    SELECT a.payment_id, 'void', a.purpose, a.amount_minor - taken.minor
      FROM payments a JOIN orders o USING (order_no),
           LATERAL (SELECT coalesce(sum(c.amount_minor), 0)::bigint AS minor FROM payments c
                     WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id AND c.kind = 'capture'
                       AND c.status = 'succeeded' AND c.fulfilment_no IS NOT NULL) taken
     WHERE a.order_no = asked_order_no AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
       AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                          AND v.status = 'succeeded'
                          AND (v.kind = 'void' OR (v.kind = 'capture' AND v.fulfilment_no IS NULL)))
       AND a.amount_minor > taken.minor
       AND (everything OR (
             NOT (a.purpose = 'supplement' AND is_awaiting_change_payment(a.order_no))
         AND (a.purpose = 'stray'
              OR (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0))
                 IS NOT FALSE
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed' AND c.fulfilment_no IS NULL)
              OR (o.status NOT IN ('received', 'pending_payment') AND NOT awaits_shipment_capture(o.order_no)))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;

-- True while a fulfilment may still be captured: then the authorisation is needed.
CREATE FUNCTION awaits_shipment_capture(asked_order_no text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM orders o JOIN fulfilments f USING (order_no)
     WHERE o.order_no = asked_order_no AND o.capture = 'shipment' AND o.status <> 'cancelled' AND f.status <> 'cancelled'
       AND (SELECT sum(l.goods_minor + l.shipping_minor) FROM capture_lines l
             WHERE l.order_no = f.order_no AND l.fulfilment_no = f.number) IS DISTINCT FROM 0
       AND NOT EXISTS (SELECT FROM payments c WHERE c.order_no = f.order_no AND c.fulfilment_no = f.number
                          AND c.kind = 'capture' AND c.purpose = 'order' AND c.status = 'succeeded'))
$$;

-- Of tables in earlier files

CREATE TRIGGER part_capture_counts AFTER INSERT OR UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL AND NEW.provider <> 'manual' AND (NEW.fulfilment_no IS NOT NULL
    OR NEW.kind = 'void'))
  EXECUTE FUNCTION count_capture();

-- Rights

GRANT SELECT ON authorisation_totals, capture_lines TO oms_app;
GRANT INSERT (fulfilment_no, goods_minor, line_no, order_no, quantity, shipping_minor) ON capture_lines TO oms_app;
REVOKE EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint), awaits_shipment_capture(text), check_captured_line(),
  count_capture(), money_to_return(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authorised_left_minor(bigint, bigint), awaits_shipment_capture(text), money_to_return(text,
  boolean) TO oms_app;
