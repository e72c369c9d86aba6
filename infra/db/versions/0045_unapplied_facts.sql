-- A fact from outside that cannot be applied is kept with the reason, and staff are told of it.
ALTER TABLE inbox ADD COLUMN reason text;   -- why it was not applied: a code, and the constraint's name
CREATE INDEX inbox_unapplied ON inbox (provider, kind) WHERE outcome = 'unapplied';
GRANT UPDATE (reason) ON inbox TO oms_app;
