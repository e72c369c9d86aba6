-- Attempts to sign in are counted by where they come from, too: a stranger cannot lock anybody out.

ALTER TABLE sign_in_attempts
  ADD COLUMN source text NOT NULL DEFAULT '' CHECK (length(source) <= 100),  -- 'address A', 'from A', 'device D', '' for all of a name
  DROP CONSTRAINT sign_in_attempts_pkey,
  ADD PRIMARY KEY (name, source);
