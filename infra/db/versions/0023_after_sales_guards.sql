-- What is asked of a provider for a guarantee, and what a return puts on a shelf, is what the books say is due,
-- whatever the code believes.

-- The guarantee's row is kept as it is to the end of the transaction: a return that moves it at this moment waits, and
-- then sees the intent. A repeat finds its own intent.
CREATE FUNCTION heed_guarantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM FROM payments p WHERE p.idempotency_key = NEW.idempotency_key;
  IF FOUND THEN
    RETURN NEW;
  END IF;
  PERFORM FROM guarantees g
    WHERE g.order_no = NEW.order_no AND g.currency = NEW.currency AND g.method = NEW.provider
      AND NEW.idempotency_key LIKE g.order_no || '/guarantee/' || g.return_id || '/' || NEW.kind || '/%'
      AND (NEW.kind, g.status) IN (('authorise', 'wanted'), ('capture', 'claim_due'), ('void', 'release_due'))
      AND NEW.amount_minor = CASE NEW.kind WHEN 'capture' THEN g.claim_minor ELSE g.amount_minor END
      AND (NEW.kind = 'authorise' OR EXISTS (
            SELECT FROM payments a WHERE a.payment_id = NEW.parent_id AND a.order_no = g.order_no
               AND a.purpose = 'guarantee' AND a.kind = 'authorise' AND a.status = 'succeeded'
               AND a.idempotency_key LIKE g.order_no || '/guarantee/' || g.return_id || '/%'))
    FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no guarantee waits for this payment' USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guarantee_payment_wanted BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.purpose = 'guarantee' AND NEW.kind IN ('authorise', 'capture', 'void')) EXECUTE FUNCTION heed_guarantee();

-- What a guarantee is said to have come to, its provider has done: nobody's goods go out on a card that was not asked.
CREATE FUNCTION prove_guarantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.purpose = 'guarantee' AND p.status = 'succeeded'
          AND p.kind = CASE NEW.status WHEN 'authorised' THEN 'authorise' WHEN 'claimed' THEN 'capture' ELSE 'void' END
          AND p.idempotency_key LIKE NEW.order_no || '/guarantee/' || NEW.return_id || '/%') THEN
    RAISE EXCEPTION 'no payment says that the guarantee is %', NEW.status USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guarantee_proved BEFORE UPDATE OF status ON guarantees FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.status IN ('authorised', 'claimed', 'released'))
  EXECUTE FUNCTION prove_guarantee();

-- Of a return no more goes on sale than was found as new, and no more on any shelf than came. One movement for each
-- shelf and SKU, by its key: the ledger of a product that moves all day is not read through for it.
CREATE FUNCTION heed_findings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.idempotency_key <> NEW.reference || '/' || NEW.kind || '/' || NEW.sku OR EXISTS (
       SELECT FROM (SELECT coalesce(sum(m.quantity), 0) AS shelved,
                           coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'return_restock'), 0) AS on_sale
                      FROM stock_movements m
                     WHERE m.idempotency_key IN (NEW.reference || '/return_restock/' || NEW.sku,
                                                 NEW.reference || '/quarantine_in/' || NEW.sku)) moved,
                   (SELECT coalesce(sum(f.quantity), 0) AS came,
                           coalesce(sum(f.quantity) FILTER (WHERE f.condition = 'as_new'), 0) AS as_new
                      FROM return_findings f JOIN return_lines l USING (return_id, line_no)
                     WHERE f.return_id = NEW.reference AND l.order_no IS NOT DISTINCT FROM NEW.order_no AND l.sku = NEW.sku
                       AND f.stage = 'inspected' AND f.condition IN ('as_new', 'damaged')) found
        WHERE moved.shelved > found.came OR moved.on_sale > found.as_new) THEN
    RAISE EXCEPTION 'more goes on a shelf than came back' USING ERRCODE = 'OM174', DETAIL = NEW.reference;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER return_shelves_what_came AFTER INSERT ON stock_movements FOR EACH ROW
  WHEN (NEW.kind IN ('return_restock', 'quarantine_in') AND NEW.reference LIKE 'rt\_%') EXECUTE FUNCTION heed_findings();
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
