-- A worker of a version that does not know jobs over chosen orders takes their orders for parked ones. It must not close
-- an item: its slice fails, and is repeated until a worker of the present version has it.
CREATE FUNCTION refuse_parked_outcome()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM support_jobs j WHERE j.job_id = NEW.job_id
                AND j.action NOT IN ('retry', 'skip', 'amend', 'compensate')) THEN
    RAISE EXCEPTION 'a job over chosen orders asks for no parked step' USING ERRCODE = 'OM192';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_parked_outcome() FROM PUBLIC;
CREATE TRIGGER job_item_outcome BEFORE UPDATE OF error ON support_job_items
  FOR EACH ROW WHEN (NEW.error IN ('not_parked', 'step_moved_on')) EXECUTE FUNCTION refuse_parked_outcome();
