-- A function resolves names where it was written for, not where its caller makes it look: the system's schema first, the
-- caller's temporary one last. Named last it is searched last; not named it would be searched first, and a temporary
-- table could stand in for one of the books.
CREATE OR REPLACE FUNCTION head_start_s(priority smallint) RETURNS integer IMMUTABLE LANGUAGE sql
  RETURN CASE priority WHEN 2 THEN 600 WHEN 1 THEN 120 ELSE 0 END;
CREATE OR REPLACE FUNCTION supplement_attempt(supplement_no integer) RETURNS integer IMMUTABLE LANGUAGE sql
  RETURN -1000 - supplement_no;

-- A body that was parsed when it was made (RETURN …) has no names left to resolve; it stays as it is, to be inlined.
DO $$
DECLARE
  made regprocedure;
BEGIN
  FOR made IN SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
               WHERE p.pronamespace = 'public'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
                 AND (p.prosecdef OR p.prosqlbody IS NULL) LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, public, pg_temp', made);
  END LOOP;
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, oms_app', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC, oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
