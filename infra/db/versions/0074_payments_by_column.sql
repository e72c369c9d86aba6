-- What 0072 put into columns and 0073 filled is read there, and a payment says what its purpose needs.
ALTER TABLE payments
  ADD CONSTRAINT payment_of_a_change CHECK (
    change_payment_no IS NULL AND NOT (purpose = 'supplement' AND kind IN ('authorise', 'capture'))
    OR change_payment_no IS NOT NULL AND purpose IN ('supplement', 'stray') AND kind IN ('authorise', 'capture')) NOT VALID,
  ADD CONSTRAINT payment_of_a_guarantee CHECK (
    guarantee_return_id IS NULL AND NOT (purpose = 'guarantee' AND kind IN ('authorise', 'capture', 'void'))
    OR guarantee_return_id IS NOT NULL AND purpose IN ('guarantee', 'stray') AND kind IN ('authorise', 'capture', 'void'))
    NOT VALID,
  ADD CONSTRAINT payment_of_its_change FOREIGN KEY (order_no, change_payment_no)
    REFERENCES order_supplements (order_no, supplement_no) NOT VALID,
  ADD CONSTRAINT payment_of_its_guarantee FOREIGN KEY (guarantee_return_id) REFERENCES guarantees (return_id) NOT VALID;

CREATE OR REPLACE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
       AND NOT (OLD.kind = 'refund' AND NEW.status = 'failed' AND is_reversed(OLD.payment_id, OLD.order_no))
     OR OLD.status <> 'succeeded' AND NEW.status = 'succeeded' AND OLD.kind = 'refund'
       AND is_reversed(OLD.payment_id, OLD.order_no)
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id OR NEW.renews IS DISTINCT FROM OLD.renews
     OR NEW.change_payment_no IS DISTINCT FROM OLD.change_payment_no
     OR NEW.guarantee_return_id IS DISTINCT FROM OLD.guarantee_return_id
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION take_place()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old_one payments%ROWTYPE;
  next_attempt integer;
BEGIN
  NEW.renewal_due := false;
  IF NEW.renews IS NULL THEN
    IF EXISTS (SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.purpose = 'guarantee' AND p.kind = 'authorise'
                  AND p.status = 'succeeded'
                  AND p.guarantee_return_id = NEW.guarantee_return_id) THEN
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

CREATE OR REPLACE FUNCTION authorisation_is_wanted(asked_payment_id bigint)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
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
                      AND g.return_id = p.guarantee_return_id)
           AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                              AND e.kind = 'capture' AND e.status <> 'failed')
         ELSE false END)
$$;

CREATE OR REPLACE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE(payment_id bigint, kind text, purpose text, amount_minor bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH held AS (
    SELECT p.payment_id, 'refund' AS kind, p.purpose, t.captured_minor - given_back_minor(p.order_no, p.payment_id) AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = asked_order_no AND p.kind = 'capture' AND p.status = 'succeeded'
       AND (everything OR p.purpose = 'stray')
       AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
    UNION ALL
    SELECT a.payment_id, 'void', a.purpose, a.amount_minor
      FROM payments a JOIN orders o USING (order_no)
     WHERE a.order_no = asked_order_no AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
       AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                          AND v.status = 'succeeded' AND v.kind IN ('void', 'capture'))
       AND (everything OR (
             NOT (a.purpose = 'supplement' AND is_awaiting_supplement(a.order_no))
         AND (a.purpose = 'stray'
              OR (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0))
                 IS NOT FALSE
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed')
              OR o.status NOT IN ('received', 'pending_payment'))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;

CREATE OR REPLACE FUNCTION guard_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'code' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'code' - 'updated_at')
     OR OLD.status <> 'awaiting_payment' THEN
    RAISE EXCEPTION 'a change that waits for its payment ends once' USING ERRCODE = 'OM018';
  END IF;
  IF NEW.status = 'applied' AND NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.change_payment_no = NEW.supplement_no
          AND p.kind = 'capture' AND p.purpose = 'supplement' AND p.status = 'succeeded'
          AND (p.amount_minor, p.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'a change is paid before it is applied' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION heed_supplement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) AND NOT EXISTS (
       SELECT FROM order_supplements s WHERE s.order_no = NEW.order_no AND s.status = 'awaiting_payment'
          AND s.supplement_no = NEW.change_payment_no
          AND (s.amount_minor, s.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'no change waits for this payment' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION supplement_heeds_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE open_one order_supplements%ROWTYPE;
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  SELECT * INTO open_one FROM order_supplements s
   WHERE s.order_no = NEW.order_no AND s.supplement_no = NEW.change_payment_no
     AND s.status = 'awaiting_payment';
  IF NEW.status = 'failed' AND open_one.order_no IS NOT NULL THEN
    UPDATE order_supplements SET status = 'undone', code = coalesce(NEW.error_code, 'declined'), updated_at = now()
     WHERE order_no = NEW.order_no AND supplement_no = open_one.supplement_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' AND open_one.order_no IS NOT NULL THEN
    UPDATE order_supplements SET status = 'applied', updated_at = now()
     WHERE order_no = NEW.order_no AND supplement_no = open_one.supplement_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' THEN
    -- Nothing waits for it any more: the order's workflow gives it back.
    UPDATE payments SET purpose = 'stray' WHERE payment_id = NEW.payment_id;
    INSERT INTO order_events (order_no, seq, type, data, actor)
    VALUES (NEW.order_no, 0, 'payment_returned', jsonb_build_object('amount_minor', NEW.amount_minor), 'system');
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION prove_guarantee()
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

CREATE OR REPLACE FUNCTION heed_guarantee()
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

CREATE OR REPLACE FUNCTION guarantee_is_due(asked_return_id text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM guarantees g WHERE g.return_id = asked_return_id
       AND (g.status IN ('wanted', 'release_due', 'claim_due')
            OR (g.status IN ('dropped', 'declined') AND EXISTS (
                  SELECT FROM payments p WHERE p.order_no = g.order_no AND p.purpose = 'guarantee'
                     AND p.kind = 'authorise' AND p.status <> 'failed'
                     AND p.guarantee_return_id = g.return_id))))
$$;

CREATE OR REPLACE FUNCTION guarantee_is_being_claimed(of_return text, of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM payments p WHERE p.order_no = of_order AND p.purpose = 'guarantee' AND p.kind = 'capture'
                    AND p.status <> 'failed' AND p.guarantee_return_id = of_return)
$$;

CREATE OR REPLACE FUNCTION credit_loss(d disputes)
  RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  lost   bigint := lost_minor(d.payment_id);
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = d.order_no FOR UPDATE;
  first := first_invoice(d.order_no);
  IF first.document_no IS NULL OR lost = 0 OR EXISTS (SELECT FROM documents n WHERE n.dispute_id = d.payment_id)
     OR EXISTS (SELECT FROM orders o WHERE o.order_no = d.order_no AND o.status = 'cancelled') THEN
    RETURN NULL;
  END IF;
  said := lines_of_loss(d.order_no, (SELECT c.guarantee_return_id FROM payments p
                                       JOIN payments c ON c.payment_id = p.parent_id
                                      WHERE p.payment_id = d.payment_id AND c.purpose = 'guarantee'), lost);
  INSERT INTO documents (kind, series, order_no, dispute_id, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('credit_note', 'CN', d.order_no, d.payment_id, first.time_zone, 'system', first.currency, lost,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (d.order_no, 0, 'credit_note_issued', jsonb_build_object('document_no', made, 'total_minor', lost,
          'dispute_id', d.payment_id), 'system');
  RETURN made;
END $$;

