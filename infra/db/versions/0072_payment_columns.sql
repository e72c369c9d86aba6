-- What a payment is for is in columns, not in a negative number of an attempt or in the text of an idempotency key:
-- change_payment_no names the change whose difference it takes, guarantee_return_id the return whose guarantee it
-- authorises, claims or releases. `attempt` is the number of the order's payment request, where the payment has one.
ALTER TABLE payments ADD COLUMN change_payment_no integer, ADD COLUMN guarantee_return_id text;
GRANT INSERT (change_payment_no, guarantee_return_id) ON payments TO oms_app;

-- For one release both forms are written: processes of the version before write and read -1000 - n for change payments,
-- -2 for guarantees, -3 for renewals and -1 for everything else. The release after this one drops the trigger and
-- empties these numbers.
CREATE FUNCTION write_both_attempt_forms() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.attempt IS NULL THEN
    NEW.attempt := CASE WHEN NEW.change_payment_no IS NOT NULL THEN -1000 - NEW.change_payment_no
                        WHEN NEW.guarantee_return_id IS NOT NULL THEN -2
                        WHEN NEW.renews IS NOT NULL THEN -3 ELSE -1 END;
  ELSIF NEW.purpose = 'supplement' AND NEW.kind IN ('authorise', 'capture') THEN
    NEW.change_payment_no := coalesce(NEW.change_payment_no, -1000 - NEW.attempt);
  ELSIF NEW.purpose = 'guarantee' AND NEW.kind IN ('authorise', 'capture', 'void') THEN
    NEW.guarantee_return_id := coalesce(NEW.guarantee_return_id, split_part(NEW.idempotency_key, '/', 3));
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION write_both_attempt_forms() FROM PUBLIC;
-- Its name comes before those of the triggers that read the columns.
CREATE TRIGGER both_attempt_forms BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.attempt IS NULL OR NEW.attempt < 1) EXECUTE FUNCTION write_both_attempt_forms();
