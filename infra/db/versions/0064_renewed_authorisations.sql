-- An authorisation ends at its provider. Before that it is authorised anew, and the new one takes its place.
ALTER TABLE payments
  ADD COLUMN expires_at timestamptz,                       -- as the provider says; NULL: not by itself
  ADD COLUMN renew_at timestamptz,                         -- its order is told then, and again until that is done
  ADD COLUMN renewal_due boolean NOT NULL DEFAULT false,   -- its order was told
  ADD COLUMN renews bigint;                                -- the authorisation that it takes the place of

-- Still held for what it was authorised for: an order that is not captured, a guarantee that is neither claimed nor given
-- back. A guarantee is wanted also where its provider has let it go.
CREATE FUNCTION authorisation_is_wanted(asked_payment_id bigint) RETURNS boolean STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM payments p JOIN orders o USING (order_no)
     WHERE p.payment_id = asked_payment_id AND p.kind = 'authorise' AND p.status = 'succeeded'
       AND CASE p.purpose
         WHEN 'order' THEN
           o.status IN ('received', 'pending_payment') AND o.cancelling IS NULL AND p.amount_minor = o.total_minor
           AND p.attempt = (SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = p.order_no)
           AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                              AND (e.kind = 'capture' OR e.status <> 'failed'))
         WHEN 'guarantee' THEN
           EXISTS (SELECT FROM guarantees g WHERE g.order_no = p.order_no AND g.status = 'authorised'
                      AND g.return_id = split_part(p.idempotency_key, '/', 3))
           AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                              AND e.kind = 'capture' AND e.status <> 'failed')
         ELSE false END)
$$;

-- A day before it ends, or when three quarters of its time are over.
CREATE FUNCTION plan_renewal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
    NEW.renew_at := NEW.expires_at - least(interval '1 day', (NEW.expires_at - now()) / 4);
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_plans_renewal BEFORE INSERT OR UPDATE OF expires_at ON payments FOR EACH ROW
  WHEN (NEW.kind = 'authorise' AND NEW.purpose IN ('order', 'guarantee') AND NEW.expires_at IS NOT NULL)
  EXECUTE FUNCTION plan_renewal();

-- No provider is asked to hold money twice but for what is wanted, by its amount, on the means of payment that holds it
-- now. A repeat finds its own intent.
CREATE FUNCTION heed_renewal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM payments p WHERE p.payment_id = NEW.renews AND p.order_no = NEW.order_no
                    AND (p.purpose, p.provider, p.amount_minor, p.currency)
                      = (NEW.purpose, NEW.provider, NEW.amount_minor, NEW.currency))
     OR NEW.kind <> 'authorise' OR NOT authorisation_is_wanted(NEW.renews) THEN
    RAISE EXCEPTION 'no authorisation waits to be renewed by this payment' USING ERRCODE = 'OM177';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER renewal_wanted BEFORE INSERT ON payments FOR EACH ROW WHEN (NEW.renews IS NOT NULL)
  EXECUTE FUNCTION heed_renewal();
-- What these two refuse, a hold and a guarantee that stands, is what a renewal is for.
CREATE OR REPLACE TRIGGER payment_heeds_holds BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.status = 'intent' AND NEW.kind IN ('authorise', 'capture') AND NEW.purpose = 'order' AND NEW.renews IS NULL)
  EXECUTE FUNCTION heed_holds();
CREATE OR REPLACE TRIGGER guarantee_payment_wanted BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.purpose = 'guarantee' AND NEW.kind IN ('authorise', 'capture', 'void') AND NEW.renews IS NULL)
  EXECUTE FUNCTION heed_guarantee();

-- Whoever tells that it succeeded, the new one takes the old one's place in that very statement: the old one is surplus
-- and goes back. A new one that nobody wants any more is surplus itself. So one of them stands, never two.
CREATE FUNCTION take_place() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old_one payments%ROWTYPE;
  next_attempt integer;
BEGIN
  NEW.renewal_due := false;
  IF NEW.renews IS NULL THEN
    IF EXISTS (SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.purpose = 'guarantee' AND p.kind = 'authorise'
                  AND p.status = 'succeeded'
                  AND split_part(p.idempotency_key, '/', 3) = split_part(NEW.idempotency_key, '/', 3)) THEN
      NEW.purpose := 'stray';
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO old_one FROM payments WHERE payment_id = NEW.renews FOR UPDATE;
  IF old_one.purpose <> NEW.purpose OR NOT authorisation_is_wanted(NEW.renews) THEN
    NEW.purpose := 'stray';
    RETURN NEW;
  END IF;
  UPDATE payments SET purpose = 'stray', renew_at = NULL, renewal_due = false, updated_at = now()
   WHERE payment_id = NEW.renews;
  IF NEW.purpose = 'order' THEN
    INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
    SELECT 'renewal:' || NEW.payment_id, r.order_no,
           (SELECT max(q.attempt) + 1 FROM payment_requests q WHERE q.order_no = r.order_no), r.method, r.token, 'system'
      FROM payment_requests r WHERE r.order_no = NEW.order_no AND r.attempt = old_one.attempt
    RETURNING attempt INTO next_attempt;
    NEW.attempt := next_attempt;
    -- A doubt that nobody has looked into goes on; one that was, is none of the same payment once more.
    IF EXISTS (SELECT FROM order_events e WHERE e.order_no = NEW.order_no AND e.key = 'review:' || old_one.attempt) THEN
      NEW.risk := NULL;
    ELSE
      NEW.risk := coalesce(NEW.risk, old_one.risk);
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_takes_place BEFORE UPDATE OF status ON payments FOR EACH ROW
  WHEN (NEW.kind = 'authorise' AND NEW.status = 'succeeded' AND OLD.status <> 'succeeded'
        AND (NEW.renews IS NOT NULL OR NEW.purpose = 'guarantee') AND NEW.purpose <> 'stray')
  EXECUTE FUNCTION take_place();

-- As before; what it renews does not change either.
CREATE OR REPLACE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
       AND NOT (OLD.kind = 'refund' AND NEW.status = 'failed' AND is_reversed(OLD.payment_id, OLD.order_no))
     OR OLD.status <> 'succeeded' AND NEW.status = 'succeeded' AND OLD.kind = 'refund'
       AND is_reversed(OLD.payment_id, OLD.order_no)
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id OR NEW.renews IS DISTINCT FROM OLD.renews
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

GRANT INSERT (expires_at, renews) ON payments TO oms_app;
GRANT UPDATE (expires_at, renew_at, renewal_due) ON payments TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authorisation_is_wanted TO oms_app;
