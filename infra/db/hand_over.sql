-- What somebody else made here before, tables with their indexes and sequences, is the owner's from now on.
DO $$
DECLARE
  made record;
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO oms_owner', current_database());
  IF (SELECT nspowner FROM pg_namespace WHERE nspname = 'public') <> 'pg_database_owner'::regrole THEN
    ALTER SCHEMA public OWNER TO oms_owner;
  END IF;
  FOR made IN
    SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
           WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v', 'm')
       AND c.relowner <> 'oms_owner'::regrole
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT p.oid::regprocedure::text, 'ROUTINE' FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'oms_owner'::regrole
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO oms_owner', made.kind, made.name);
  END LOOP;
END $$
