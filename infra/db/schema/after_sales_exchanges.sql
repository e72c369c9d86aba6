-- After sales: exchanges and guarantees
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after after_sales.sql.

-- A return that is settled with other goods instead of money.
CREATE TABLE exchanges (
  return_id    text PRIMARY KEY,
  order_no     text NOT NULL,
  advance      boolean NOT NULL DEFAULT false,  -- the new goods go out before the old ones arrive
  status       text NOT NULL DEFAULT 'wanted' CHECK (status IN ('wanted', 'placed', 'fell_back')),
  new_order_no text UNIQUE REFERENCES orders (order_no),
  used_minor   bigint CHECK (used_minor >= 0),  -- how much of the old goods' value pays for the new ones
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT exchanges_return_id_order_no_fkey FOREIGN KEY (return_id, order_no) REFERENCES returns (return_id,
      order_no),
  CONSTRAINT exchanges_check CHECK (status <> 'placed' OR new_order_no IS NOT NULL),
  CONSTRAINT exchanges_check1 CHECK ((new_order_no IS NULL) = (used_minor IS NULL))
);

-- An exchange is placed once or falls back to money once; neither is undone.
CREATE FUNCTION guard_exchange() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
       (('wanted', 'placed'), ('wanted', 'fell_back'), ('placed', 'fell_back'))
     OR OLD.new_order_no IS NOT NULL AND (NEW.new_order_no, NEW.used_minor) IS DISTINCT FROM (OLD.new_order_no, OLD.used_minor) THEN
    RAISE EXCEPTION 'an exchange is placed once and falls back once' USING ERRCODE = 'OM172';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER exchange_guard BEFORE UPDATE ON exchanges FOR EACH ROW EXECUTE FUNCTION guard_exchange();

-- At the end of the transaction the exchanged parts of a new order's lines add up; no other order has any.
CREATE FUNCTION check_exchanged_parts()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_order text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF (SELECT coalesce(sum(l.exchanged_minor), 0) FROM order_lines l WHERE l.order_no = of_order)
     <> (SELECT coalesce(max(e.used_minor), 0) FROM exchanges e WHERE e.new_order_no = of_order) THEN
    RAISE EXCEPTION 'the lines of an exchange carry what it uses of the old goods'' value' USING ERRCODE = 'OM172';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER exchange_parts_whole AFTER UPDATE ON exchanges DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.new_order_no IS DISTINCT FROM OLD.new_order_no)
  EXECUTE FUNCTION check_exchanged_parts('new_order_no');

-- The goods that the customer wants instead, at the price of the request.
CREATE TABLE exchange_lines (
  return_id        text NOT NULL REFERENCES exchanges,
  line_no          integer NOT NULL CHECK (line_no > 0),
  sku              text NOT NULL REFERENCES products,
  name             text NOT NULL,
  quantity         bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
  CONSTRAINT exchange_lines_pkey PRIMARY KEY (return_id, line_no)
);

CREATE TRIGGER exchange_lines_append_only BEFORE DELETE OR UPDATE ON exchange_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Refunds that belong to a return of other goods: what an exchange leaves over, or what pays for goods that were
-- exchanged before.
CREATE TABLE exchange_refund_links (
  refund_id text PRIMARY KEY REFERENCES refunds,
  return_id text NOT NULL REFERENCES returns
);
CREATE INDEX exchange_refund_links_return ON exchange_refund_links (return_id);

-- An authorisation that is captured if the old goods do not arrive, so that the new goods can go out first.
CREATE TABLE guarantees (
  return_id    text PRIMARY KEY REFERENCES exchanges,
  order_no     text NOT NULL REFERENCES orders,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     char(3) NOT NULL,
  method       text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token        text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  status       text NOT NULL DEFAULT 'wanted' CHECK (status IN ('wanted', 'authorised', 'declined', 'dropped',
      'release_due', 'released', 'claim_due', 'claimed', 'given_up')),
  claim_minor  bigint,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT guarantees_check1 CHECK ((status IN ('claim_due', 'claimed')) <= (claim_minor IS NOT NULL)),
  CONSTRAINT guarantees_check CHECK (claim_minor BETWEEN 1 AND amount_minor)
);
CREATE INDEX guarantees_due ON guarantees (order_no, created_at) WHERE status IN ('wanted', 'release_due', 'claim_due');
-- More triggers in documents_further.sql: claim_invoiced.

-- Which status of a guarantee may follow which. One that support went on without can still be authorised late; then it
-- is released.
CREATE FUNCTION guard_guarantee()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.order_no, NEW.amount_minor, NEW.currency, NEW.method, NEW.token)
       IS DISTINCT FROM (OLD.order_no, OLD.amount_minor, OLD.currency, OLD.method, OLD.token)
     OR NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
       ('wanted', 'authorised'), ('wanted', 'declined'), ('wanted', 'dropped'), ('dropped', 'release_due'), ('declined', 'release_due'),
       ('authorised', 'release_due'), ('authorised', 'claim_due'), ('claim_due', 'authorised'),
       ('claim_due', 'release_due'), ('claim_due', 'claimed'), ('claim_due', 'given_up'),
       ('release_due', 'released'), ('release_due', 'given_up')) THEN
    RAISE EXCEPTION 'a guarantee does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'OM173';
  END IF;
  -- Once its money is being taken nothing turns that back.
  IF OLD.status = 'claim_due' AND NEW.status IN ('authorised', 'release_due') AND guarantee_is_being_claimed(OLD.return_id, OLD.order_no) THEN
    RAISE EXCEPTION 'the guarantee is being claimed' USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarantee_guard BEFORE UPDATE ON guarantees FOR EACH ROW EXECUTE FUNCTION guard_guarantee();

-- A guarantee reaches a status only when the provider's transaction says so.
CREATE FUNCTION prove_guarantee()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.purpose = 'guarantee' AND p.status = 'succeeded'
          AND p.kind = CASE NEW.status WHEN 'authorised' THEN 'authorise' WHEN 'claimed' THEN 'capture' ELSE 'void' END
          AND p.guarantee_return_id = NEW.return_id) THEN
    RAISE EXCEPTION 'no payment says that the guarantee is %', NEW.status USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarantee_proved BEFORE UPDATE OF status ON guarantees
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND (NEW.status IN ('authorised', 'claimed', 'released')))
  EXECUTE FUNCTION prove_guarantee();

-- Tells the workflows of the return and of the order.
CREATE FUNCTION signal_for_guarantee()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_return', NEW.return_id, 'return_changed', jsonb_build_object('order_no', NEW.order_no, 'guarantee', NEW.status));
  IF NEW.status IN ('release_due', 'claim_due') THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('guarantee', NEW.return_id));
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER guarantee_signals AFTER UPDATE OF status ON guarantees
  FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION signal_for_guarantee();

-- Refuses a change of the lines of an exchange's new order: their discount is what the customer sent back.
CREATE FUNCTION keep_exchange_goods()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.type = 'exchange') THEN
    RAISE EXCEPTION 'exchange_goods_stay' USING ERRCODE = 'OM012', DETAIL = NEW.order_no;
  END IF;
  RETURN NEW;
END $$;

-- Tells the return's workflow about a refund that belongs to the exchange.
CREATE FUNCTION signal_return_of_exchange()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_return', e.return_id, 'return_changed', jsonb_build_object('order_no', r.order_no, 'refund', NEW.status)
    FROM exchange_refund_links e JOIN returns r USING (return_id) WHERE e.refund_id = NEW.refund_id;
  RETURN NULL;
END $$;

-- Tells the return's workflow about the status of the exchange's new order.
CREATE FUNCTION signal_return_of_new_order()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_return', e.return_id, 'return_changed', jsonb_build_object('order_no', e.order_no, 'new_order', NEW.to_status)
    FROM exchanges e WHERE e.new_order_no = NEW.order_no;
  RETURN NULL;
END $$;

-- Claims or releases the guarantee by what becomes of the return, in the return's own transaction, and wakes the order.
CREATE FUNCTION guarantee_follows_return()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status IN ('expired', 'rejected', 'cancelled') THEN
    UPDATE guarantees SET status = CASE status WHEN 'wanted' THEN 'dropped' ELSE 'claim_due' END, updated_at = now(),
           claim_minor = CASE status WHEN 'authorised' THEN amount_minor END
     WHERE return_id = NEW.return_id AND status IN ('wanted', 'authorised');
  ELSIF NEW.status = 'received' THEN
    UPDATE guarantees SET status = 'authorised', claim_minor = NULL, updated_at = now()
     WHERE return_id = NEW.return_id AND status = 'claim_due' AND NOT guarantee_is_being_claimed(return_id, order_no);
  END IF;
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_order', g.order_no, 'after_sales', jsonb_build_object('guarantee', g.return_id)
    FROM guarantees g WHERE g.return_id = NEW.return_id AND g.status IN ('wanted', 'claim_due');
  RETURN NULL;
END $$;

-- Refuses a payment that the guarantee does not need. Its row is locked, so that a change of the return waits. A repeat
-- finds its own intent.
CREATE FUNCTION require_guarantee_payment_due()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM payments p WHERE p.idempotency_key = NEW.idempotency_key;
  IF FOUND THEN
    RETURN NEW;
  END IF;
  PERFORM FROM guarantees g
    WHERE g.order_no = NEW.order_no AND g.currency = NEW.currency AND g.method = NEW.provider
      AND g.return_id = NEW.guarantee_return_id
      AND (NEW.kind, g.status) IN (('authorise', 'wanted'), ('capture', 'claim_due'), ('void', 'release_due'))
      AND NEW.amount_minor = CASE NEW.kind WHEN 'capture' THEN g.claim_minor ELSE g.amount_minor END
      AND (NEW.kind = 'authorise' OR EXISTS (
            SELECT FROM payments a WHERE a.payment_id = NEW.parent_id AND a.order_no = g.order_no
               AND a.purpose = 'guarantee' AND a.kind = 'authorise' AND a.status = 'succeeded'
               AND a.guarantee_return_id = g.return_id))
    FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no guarantee waits for this payment' USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;

-- True where a provider is to be asked: a call is due, or the outcome of a call for a dropped guarantee is unknown.
CREATE FUNCTION guarantee_is_due(asked_return_id text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM guarantees g WHERE g.return_id = asked_return_id
       AND (g.status IN ('wanted', 'release_due', 'claim_due')
            OR (g.status IN ('dropped', 'declined') AND EXISTS (
                  SELECT FROM payments p WHERE p.order_no = g.order_no AND p.purpose = 'guarantee'
                     AND p.kind = 'authorise' AND p.status <> 'failed'
                     AND p.guarantee_return_id = g.return_id))))
$$;

-- True while a capture of the guarantee is in flight or done.
CREATE FUNCTION guarantee_is_being_claimed(of_return text, of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM payments p WHERE p.order_no = of_order AND p.purpose = 'guarantee' AND p.kind = 'capture'
                    AND p.status <> 'failed' AND p.guarantee_return_id = of_return)
$$;

-- Of tables in earlier files

CREATE CONSTRAINT TRIGGER exchanged_parts_whole AFTER INSERT ON order_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.exchanged_minor <> 0) EXECUTE FUNCTION check_exchanged_parts('order_no');
CREATE TRIGGER new_order_signals_return AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.to_status IN ('shipped', 'cancelled')) EXECUTE FUNCTION signal_return_of_new_order();
CREATE TRIGGER order_change_keeps_exchange BEFORE INSERT ON order_changes
  FOR EACH ROW WHEN ('lines' = ANY (NEW.what)) EXECUTE FUNCTION keep_exchange_goods();
ALTER TABLE payments ADD CONSTRAINT payment_of_its_guarantee FOREIGN KEY (guarantee_return_id)
  REFERENCES guarantees (return_id);
CREATE TRIGGER guarantee_payment_wanted BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.purpose = 'guarantee' AND (NEW.kind IN ('authorise', 'capture', 'void'))
    AND NEW.renews IS NULL)
  EXECUTE FUNCTION require_guarantee_payment_due();
CREATE TRIGGER change_payment_keeps_exchange BEFORE INSERT ON change_payments
  FOR EACH ROW EXECUTE FUNCTION keep_exchange_goods();
CREATE TRIGGER refund_signals_exchange AFTER UPDATE OF status ON refunds
  FOR EACH ROW WHEN (NEW.origin = 'exchange' AND OLD.status <> NEW.status AND NEW.status <> 'approved')
  EXECUTE FUNCTION signal_return_of_exchange();
CREATE TRIGGER return_moves_guarantee AFTER UPDATE OF status ON returns
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.resolution = 'exchange')
  EXECUTE FUNCTION guarantee_follows_return();

-- Rights

GRANT SELECT ON exchange_lines, exchange_refund_links, exchanges, guarantees TO oms_app;
GRANT INSERT (line_no, name, quantity, return_id, sku, unit_price_minor) ON exchange_lines TO oms_app;
GRANT INSERT (refund_id, return_id) ON exchange_refund_links TO oms_app;
GRANT INSERT (advance, order_no, return_id) ON exchanges TO oms_app;
GRANT UPDATE (new_order_no, status, used_minor) ON exchanges TO oms_app;
GRANT INSERT (amount_minor, currency, method, order_no, return_id, token) ON guarantees TO oms_app;
GRANT UPDATE (claim_minor, status, updated_at) ON guarantees TO oms_app;
REVOKE EXECUTE ON FUNCTION check_exchanged_parts(), guarantee_follows_return(), guarantee_is_being_claimed(text, text),
  guarantee_is_due(text), guard_exchange(), guard_guarantee(), keep_exchange_goods(), prove_guarantee(),
  require_guarantee_payment_due(), signal_for_guarantee(), signal_return_of_exchange(), signal_return_of_new_order()
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guarantee_is_being_claimed(text, text), guarantee_is_due(text) TO oms_app;
