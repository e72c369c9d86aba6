-- A supplementary invoice that the rules refused when its money was taken is made up for by a person, once the fault is
-- corrected.
CREATE FUNCTION supplements_without_invoice(of_order text)
  RETURNS TABLE (supplement_no integer, amount_minor bigint, currency text) STABLE LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.supplement_no, s.amount_minor, s.currency::text FROM order_supplements s
   WHERE s.order_no = of_order AND s.status = 'applied' AND s.amount_minor <= uninvoiced_minor(of_order)
     AND EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.supplement_no IS NULL)
     AND NOT EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.supplement_no = s.supplement_no)
   ORDER BY s.supplement_no
$$;

CREATE FUNCTION issue_missing_invoices(of_order text, by_actor text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  missing integer;
  made    text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = of_order FOR UPDATE;
  FOR missing IN SELECT w.supplement_no FROM supplements_without_invoice(of_order) w LOOP
    PERFORM invoice_supplement(s) FROM order_supplements s WHERE s.order_no = of_order AND s.supplement_no = missing;
    SELECT d.document_no INTO made FROM documents d WHERE d.order_no = of_order AND d.supplement_no = missing;
    IF made IS NOT NULL THEN
      INSERT INTO audit_log (actor, action, order_no, reference) VALUES (by_actor, 'invoice_made_up', of_order, made);
      RETURN NEXT made;
    END IF;
  END LOOP;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION supplements_without_invoice, issue_missing_invoices TO oms_app;
