-- What keeps a living process from its work: a worker whose version gets no tasks, or whose namespace lacks attributes.

ALTER TABLE processes ADD COLUMN trouble jsonb CHECK (trouble ? 'code');   -- NULL: nothing does

GRANT UPDATE (trouble) ON processes TO oms_app;
