-- What a database allows by itself is in no migration's reach: it is not copied with a database.
DO $$
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, oms_app', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO oms_app', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC, oms_app;
  GRANT USAGE ON SCHEMA public TO oms_app;
END $$
