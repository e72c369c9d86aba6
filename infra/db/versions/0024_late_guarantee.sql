-- A guarantee that support went on without may be authorised after all, when the provider answers at last: it is given
-- back. As before otherwise.
CREATE OR REPLACE FUNCTION guard_guarantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
