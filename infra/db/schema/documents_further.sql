-- Documents: invoices of changes and claims, credit notes of lost disputes
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after documents.sql.

-- Issues the invoice of an applied change, billed as the first invoice. Without a first invoice there is none: a later
-- one covers everything.
CREATE FUNCTION invoice_change_payment(s change_payments)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = s.order_no FOR UPDATE;
  first := first_invoice(s.order_no);
  IF first.document_no IS NULL OR s.amount_minor > uninvoiced_minor(s.order_no) THEN
    RETURN;
  END IF;
  said := sums_of_lines(lines_of_change_payment(s), 0);
  INSERT INTO documents (kind, series, order_no, supplement_no, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', s.order_no, s.payment_no, first.time_zone, 'system', s.currency, s.amount_minor,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (s.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', s.amount_minor,
          'supplement_to', first.document_no), 'system');
END $$;

-- An applied change as lines of an invoice: the added goods at what was paid on top. Tax is what the change added, at
-- most what was paid. Shares are rounded so that they add up.
CREATE FUNCTION lines_of_change_payment(s change_payments)
  RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH sold AS (
    SELECT c.line_no, l.sku, l.name, c.quantity_delta AS quantity, l.unit_price_minor, c.tax_minor AS tax,
           c.items_minor + c.tax_added_minor AS worth, c.tax_added_minor > 0 AS on_top,
           sum(c.items_minor + c.tax_added_minor) OVER o AS worth_to, sum(c.tax_minor) OVER o AS tax_to
      FROM order_change_lines c JOIN order_lines l USING (order_no, line_no)
     WHERE c.order_no = s.order_no AND c.change_no = s.change_no AND c.quantity_delta > 0
    WINDOW o AS (ORDER BY c.line_no)
  ), whole AS (
    SELECT (SELECT sum(worth) FROM sold) AS worth, (SELECT greatest(sum(tax), 1) FROM sold) AS tax,
           greatest(sum(c.tax_minor), 0) AS due
      FROM order_change_lines c WHERE c.order_no = s.order_no AND c.change_no = s.change_no
  ), parts AS (
    SELECT sold.*, div(s.amount_minor * sold.worth_to, w.worth)
                   - div(s.amount_minor * (sold.worth_to - sold.worth), w.worth) AS total,
           div(w.due * sold.tax_to, w.tax) - div(w.due * (sold.tax_to - sold.tax), w.tax) AS due
      FROM sold, whole w
  )
  SELECT jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', quantity,
           'unit_price_minor', unit_price_minor, 'tax_minor', least(due, total), 'total_minor', total, 'discount_minor',
           quantity * unit_price_minor + CASE WHEN on_top THEN least(due, total) ELSE 0 END - total) ORDER BY line_no)
    FROM parts
$$;

-- Issues the invoice when a change is applied. A rule that refuses the invoice does not undo the payment: the
-- consistency check reports it. A deadlock or a time limit undoes all, and the repeat succeeds.
CREATE FUNCTION invoice_applied_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM invoice_change_payment(NEW);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  IF left(SQLSTATE, 2) NOT IN ('21', '22', '23', 'OM') THEN
    RAISE;
  END IF;
  RAISE WARNING 'order % supplement %: no invoice (%)', NEW.order_no, NEW.payment_no, SQLSTATE;
  RETURN NULL;
END $$;

-- Applied changes whose invoice is missing.
CREATE FUNCTION change_payments_without_invoice(of_order text)
  RETURNS TABLE(payment_no integer, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.payment_no, s.amount_minor, s.currency::text FROM change_payments s
   WHERE s.order_no = of_order AND s.status = 'applied' AND s.amount_minor <= uninvoiced_minor(of_order)
     AND EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.supplement_no IS NULL)
     AND NOT EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.supplement_no = s.payment_no)
   ORDER BY s.payment_no
$$;

-- Issues the missing invoices of an order, at a person's request.
CREATE FUNCTION issue_missing_invoices(of_order text, by_actor text)
  RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  missing integer;
  made    text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = of_order FOR UPDATE;
  FOR missing IN SELECT w.payment_no FROM change_payments_without_invoice(of_order) w LOOP
    PERFORM invoice_change_payment(s) FROM change_payments s WHERE s.order_no = of_order AND s.payment_no = missing;
    SELECT d.document_no INTO made FROM documents d WHERE d.order_no = of_order AND d.supplement_no = missing;
    IF made IS NOT NULL THEN
      INSERT INTO audit_log (actor, action, order_no, reference) VALUES (by_actor, 'invoice_made_up', of_order, made);
      RETURN NEXT made;
    END IF;
  END LOOP;
END $$;

-- A claimed guarantee as lines of an invoice: the goods that went out in exchange, at what the claim pays of them.
CREATE FUNCTION lines_of_claim(g guarantees)
  RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH sold AS (
    SELECT 1000000 * r.return_no + l.line_no AS line_no, l.sku, l.name, l.quantity, l.unit_price_minor,
           l.exchanged_minor AS worth, sum(l.exchanged_minor) OVER (ORDER BY l.line_no) AS worth_to
      FROM returns r JOIN exchanges e USING (return_id) JOIN order_lines l ON l.order_no = e.new_order_no
     WHERE r.return_id = g.return_id AND l.exchanged_minor > 0
  ), whole AS (
    SELECT (SELECT sum(worth) FROM sold) AS worth, sum(o.tax_minor) AS tax, sum(o.tax_added_minor) > 0 AS on_top,
           greatest(sum(o.paid_minor - o.shipping_minor), 1) AS paid
      FROM order_lines o
     WHERE o.order_no = g.order_no
       AND (EXISTS (SELECT FROM return_lines b WHERE b.return_id = g.return_id AND b.line_no = o.line_no)
            OR NOT EXISTS (SELECT FROM return_lines b WHERE b.return_id = g.return_id))
  ), parts AS (
    SELECT sold.*, div(g.claim_minor * sold.worth_to, w.worth)
                   - div(g.claim_minor * (sold.worth_to - sold.worth), w.worth) AS total
      FROM sold, whole w
  ), taxed AS (
    SELECT parts.*, w.on_top, least(div(parts.total * w.tax, w.paid), parts.total) AS tax FROM parts, whole w
  )
  SELECT jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', quantity,
           'unit_price_minor', unit_price_minor, 'tax_minor', tax, 'total_minor', total, 'discount_minor',
           quantity * unit_price_minor + CASE WHEN on_top THEN tax ELSE 0 END - total) ORDER BY line_no)
    FROM taxed
$$;

-- Issues the invoice of a claimed guarantee; none where the order has no first invoice, or the claim has its own.
CREATE FUNCTION invoice_claim(g guarantees)
  RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = g.order_no FOR UPDATE;
  first := first_invoice(g.order_no);
  IF first.document_no IS NULL OR EXISTS (SELECT FROM documents d WHERE d.return_id = g.return_id) THEN
    RETURN NULL;
  END IF;
  said := sums_of_lines(lines_of_claim(g), 0);
  INSERT INTO documents (kind, series, order_no, return_id, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', g.order_no, g.return_id, first.time_zone, 'system', g.currency, g.claim_minor,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (g.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', g.claim_minor,
          'supplement_to', first.document_no, 'return_id', g.return_id), 'system');
  RETURN made;
END $$;

-- What a lost dispute took of the order's money, less what credit notes of overtaken refunds already cover.
CREATE FUNCTION lost_minor(of_dispute bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce((
    SELECT greatest(p.amount_minor - coalesce((
             SELECT sum(r.amount_minor) FROM refunds_overtaken x JOIN refunds r USING (refund_id)
              WHERE x.dispute_id = d.payment_id AND r.status = 'overtaken'
                AND EXISTS (SELECT FROM documents n WHERE n.refund_id = r.refund_id)), 0), 0)
      FROM disputes d JOIN payments p USING (payment_id) JOIN payments c ON c.payment_id = p.parent_id
     WHERE d.payment_id = of_dispute AND d.status = 'lost' AND c.purpose <> 'stray'), 0)::bigint
$$;

-- A lost dispute as lines of a credit note, in proportion to what is left of each line and of the shipping charge.
CREATE FUNCTION lines_of_loss(of_order text, of_claim text, lost bigint)
  RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH gone AS (
    SELECT l ->> 'line_no' AS line_no, sum((l ->> 'total_minor')::bigint) AS total, sum((l ->> 'tax_minor')::bigint) AS tax
      FROM documents n, jsonb_array_elements(n.content -> 'lines') l
     WHERE n.order_no = of_order AND n.kind = 'credit_note' GROUP BY l ->> 'line_no'
  ), sold AS (
    SELECT d.return_id, (l ->> 'line_no')::bigint AS line_no, l ->> 'sku' AS sku, l ->> 'name' AS name,
           (l ->> 'total_minor')::bigint AS total, (l ->> 'tax_minor')::bigint AS tax,
           (l ->> 'total_minor')::bigint + (l ->> 'discount_minor')::bigint
             > (l ->> 'quantity')::bigint * (l ->> 'unit_price_minor')::bigint AS on_top,
           coalesce(g.total, 0) AS gone, coalesce(g.tax, 0) AS tax_gone
      FROM documents d CROSS JOIN jsonb_array_elements(d.content -> 'lines') l
      LEFT JOIN gone g ON g.line_no = l ->> 'line_no'
     WHERE d.order_no = of_order AND d.kind = 'invoice'
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, sum((d.content ->> 'shipping_minor')::bigint) FILTER (WHERE d.kind = 'invoice'), 0, false,
           coalesce(sum((d.content ->> 'shipping_minor')::bigint) FILTER (WHERE d.kind = 'credit_note'), 0), 0
      FROM documents d WHERE d.order_no = of_order
  ), room AS (
    SELECT sold.*, greatest(sold.total - sold.gone, 0) AS room FROM sold
  ), pool AS (
    SELECT room.*, sum(room.room) OVER (ORDER BY room.line_no NULLS LAST) AS room_to, sum(room.room) OVER () AS whole
      FROM room
     WHERE room.room > 0 AND (room.return_id = of_claim
            OR (SELECT coalesce(sum(c.room), 0) FROM room c WHERE c.return_id = of_claim) < lost)
  ), parts AS (
    SELECT pool.*, div(lost * room_to, whole) - div(lost * (room_to - room), whole) AS part FROM pool WHERE lost <= whole
  ), taxed AS (
    SELECT parts.*, least(greatest(div(tax * (gone + part) + total - 1, total) - tax_gone,
                                   tax - tax_gone - (total - gone - part), 0), tax - tax_gone, part) AS part_tax
      FROM parts WHERE part > 0
  )
  SELECT sums_of_lines(
           jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', 0,
             'unit_price_minor', 0, 'discount_minor', CASE WHEN on_top THEN part_tax ELSE 0 END - part,
             'tax_minor', part_tax, 'total_minor', part) ORDER BY line_no) FILTER (WHERE line_no IS NOT NULL),
           coalesce(sum(part) FILTER (WHERE line_no IS NULL), 0)::bigint)
    FROM taxed
$$;

-- Issues the credit note of a lost dispute. A cancelled order has one credit note over everything that is left.
CREATE FUNCTION credit_loss(d disputes)
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

-- What an invoiced order's documents lack: changes, claims, lost disputes.
CREATE FUNCTION missing_documents(of_order text)
  RETURNS TABLE(kind text, reference text, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT 'supplement', w.payment_no::text, w.amount_minor, w.currency FROM change_payments_without_invoice(of_order) w
  UNION ALL
  SELECT 'claim', g.return_id, g.claim_minor, g.currency FROM guarantees g
   WHERE g.order_no = of_order AND g.status = 'claimed' AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents d WHERE d.return_id = g.return_id)
  UNION ALL
  SELECT 'loss', d.payment_id::text, lost_minor(d.payment_id), o.currency FROM disputes d JOIN orders o USING (order_no)
   WHERE d.order_no = of_order AND d.status = 'lost' AND o.status <> 'cancelled' AND lost_minor(d.payment_id) > 0
     AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents n WHERE n.dispute_id = d.payment_id)
$$;

-- Issues one missing document.
CREATE FUNCTION issue_further_document(of_kind text, of_reference text)
  RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE made text;
BEGIN
  IF of_kind = 'claim' THEN
    SELECT invoice_claim(g) INTO made FROM guarantees g WHERE g.return_id = of_reference;
  ELSE
    SELECT credit_loss(d) INTO made FROM disputes d WHERE d.payment_id = of_reference::bigint;
  END IF;
  RETURN made;
END $$;

-- Issues the documents of claims and lost disputes. A rule that refuses one does not undo the payment: the consistency
-- check reports it.
CREATE FUNCTION issue_further_documents(of_order text)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE missing record;
BEGIN
  FOR missing IN SELECT m.kind, m.reference FROM missing_documents(of_order) m WHERE m.kind <> 'supplement' LOOP
    BEGIN
      PERFORM issue_further_document(missing.kind, missing.reference);
    EXCEPTION WHEN OTHERS THEN
      IF left(SQLSTATE, 2) NOT IN ('21', '22', '23', 'OM') THEN
        RAISE;
      END IF;
      RAISE WARNING 'order % % %: no document (%)', of_order, missing.kind, missing.reference, SQLSTATE;
    END;
  END LOOP;
END $$;

-- Issues them in the transaction that claims a guarantee, loses a dispute or issues the first invoice.
CREATE FUNCTION has_further_documents()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM issue_further_documents(NEW.order_no);
  RETURN NULL;
END $$;

-- Issues the missing documents of an order, at a person's request.
CREATE FUNCTION issue_missing_documents(of_order text, by_actor text)
  RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  missing record;
  made    text;
BEGIN
  RETURN QUERY SELECT i FROM issue_missing_invoices(of_order, by_actor) i;
  FOR missing IN SELECT m.kind, m.reference FROM missing_documents(of_order) m WHERE m.kind <> 'supplement' LOOP
    made := issue_further_document(missing.kind, missing.reference);
    IF made IS NOT NULL THEN
      INSERT INTO audit_log (actor, action, order_no, reference)
      VALUES (by_actor, CASE missing.kind WHEN 'claim' THEN 'invoice_made_up' ELSE 'credit_note_made_up' END, of_order, made);
      RETURN NEXT made;
    END IF;
  END LOOP;
END $$;

-- Of tables in earlier files

CREATE CONSTRAINT TRIGGER loss_credited AFTER UPDATE ON disputes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'lost' AND OLD.status <> 'lost') EXECUTE FUNCTION has_further_documents();
CREATE CONSTRAINT TRIGGER change_payment_invoiced AFTER UPDATE ON change_payments DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'applied' AND OLD.status <> 'applied') EXECUTE FUNCTION invoice_applied_change();
CREATE CONSTRAINT TRIGGER claim_invoiced AFTER UPDATE ON guarantees DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'claimed' AND OLD.status <> 'claimed') EXECUTE FUNCTION has_further_documents();
CREATE CONSTRAINT TRIGGER first_invoice_followed AFTER INSERT ON documents DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind = 'invoice' AND NEW.supplement_no IS NULL AND NEW.return_id IS NULL)
  EXECUTE FUNCTION has_further_documents();

-- Rights

REVOKE EXECUTE ON FUNCTION change_payments_without_invoice(text), credit_loss(disputes), has_further_documents(),
  invoice_applied_change(), invoice_change_payment(change_payments), invoice_claim(guarantees),
  issue_further_document(text, text), issue_further_documents(text), issue_missing_documents(text, text),
  issue_missing_invoices(text, text), lines_of_change_payment(change_payments), lines_of_claim(guarantees),
  lines_of_loss(text, text, bigint), lost_minor(bigint), missing_documents(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_payments_without_invoice(text), issue_missing_documents(text, text),
  issue_missing_invoices(text, text), lost_minor(bigint), missing_documents(text) TO oms_app;
