/** Marks the file as this package's, so that another program's database is not written to: `strm` in ASCII. */
export const APPLICATION_ID = 0x7374726d

/** Migration n brings a file from version n to n + 1. One that was released is never changed. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE stores (
    registry TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    PRIMARY KEY (registry, name)
  ) STRICT, WITHOUT ROWID;

  -- One row an account: how many records it has, and the last entry of its audit chain.
  CREATE TABLE accounts (
    registry TEXT NOT NULL,
    account TEXT NOT NULL,
    records INTEGER NOT NULL CHECK (records >= 0),
    audit_sequence INTEGER NOT NULL,
    audit_hash TEXT NOT NULL,
    PRIMARY KEY (registry, account)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE records (
    registry TEXT NOT NULL,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    description TEXT,
    cloud_secret_path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by_id TEXT NOT NULL,
    created_by_type TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT,
    revision INTEGER NOT NULL,
    store TEXT NOT NULL,
    path TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (registry, id),
    FOREIGN KEY (registry, account) REFERENCES accounts (registry, account)
  ) STRICT;
  CREATE UNIQUE INDEX records_key ON records (registry, account, key);
  CREATE INDEX records_created ON records (registry, account, created_at, id);
  CREATE INDEX records_updated ON records (registry, account, updated_at, id);
  CREATE UNIQUE INDEX records_path ON records (registry, store, path);

  -- Where a deleted record stood in each order, so that a cursor on it goes on working.
  CREATE TABLE tombstones (
    registry TEXT NOT NULL,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (registry, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE intents (
    registry TEXT NOT NULL,
    id TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'update')),
    account TEXT NOT NULL,
    secret TEXT NOT NULL,
    key TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    store TEXT NOT NULL,
    path TEXT NOT NULL,
    base_version TEXT,
    base_revision INTEGER,
    sets_description INTEGER NOT NULL,
    description TEXT,
    token TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    recoveries INTEGER NOT NULL,
    PRIMARY KEY (registry, id),
    FOREIGN KEY (registry, account) REFERENCES accounts (registry, account)
  ) STRICT;
  CREATE UNIQUE INDEX intents_secret ON intents (registry, secret);
  CREATE UNIQUE INDEX intents_key ON intents (registry, account, key);
  CREATE UNIQUE INDEX intents_token ON intents (registry, account, token);
  CREATE UNIQUE INDEX intents_path ON intents (registry, store, path);
  CREATE INDEX intents_lease ON intents (registry, lease_until);

  -- ready_at: from when it may be claimed, because it is due or because its claim is over.
  CREATE TABLE queue (
    sequence INTEGER PRIMARY KEY,
    registry TEXT NOT NULL,
    id TEXT NOT NULL,
    task TEXT NOT NULL CHECK (task IN ('promote', 'destroy_version', 'purge_path', 'watch_path')),
    account TEXT NOT NULL,
    secret TEXT NOT NULL,
    store TEXT NOT NULL,
    path TEXT NOT NULL,
    version TEXT,
    token TEXT,
    attempts INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    claim TEXT,
    ready_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX queue_id ON queue (registry, id);
  CREATE INDEX queue_order ON queue (registry, sequence, ready_at);
  CREATE INDEX queue_path ON queue (registry, store, path);

  CREATE TABLE settled_claims (
    registry TEXT NOT NULL,
    claim TEXT NOT NULL,
    settled_at INTEGER NOT NULL,
    PRIMARY KEY (registry, claim)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX settled_claims_age ON settled_claims (settled_at);

  CREATE TABLE audit (
    registry TEXT NOT NULL,
    account TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor_id TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'denied', 'failed', 'unknown')),
    code TEXT,
    secret TEXT,
    key TEXT,
    operation_id TEXT,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (registry, account, sequence),
    FOREIGN KEY (registry, account) REFERENCES accounts (registry, account)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX audit_operation ON audit (registry, account, operation_id) WHERE operation_id IS NOT NULL;
  `,

  // Since when a write is under way, and why a task was put off.
  `
  ALTER TABLE intents ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;
  UPDATE intents SET begun_at = lease_until;
  ALTER TABLE queue ADD COLUMN code TEXT;
  ALTER TABLE queue ADD COLUMN retained_until INTEGER;
  `,

  // The versions that a record keeps, as JSON. A record of before keeps the pointer's, which its last change may have made: of that the
  // record has who by his id alone, and the audit trail the rest. The default is for processes of the release before, while they last.
  `
  ALTER TABLE records ADD COLUMN versions TEXT NOT NULL DEFAULT '[]';
  UPDATE records SET versions = json_array(json_object('version', version, 'revision', revision,
    'committed_at', created_at, 'committed_by_id', created_by_id, 'committed_by_type', created_by_type))
  WHERE updated_by IS NULL;
  UPDATE records SET versions = json_array(json_object('version', version, 'revision', revision,
    'committed_at', updated_at, 'committed_by_id', updated_by, 'committed_by_type', last.actor_type))
  FROM (
    SELECT registry, secret, actor_type, max(sequence) FROM audit
    WHERE action = 'secret.update' AND outcome = 'ok' GROUP BY registry, secret
  ) AS last
  WHERE records.updated_by IS NOT NULL AND last.registry = records.registry AND last.secret = records.id;
  `,

  // Writes with an idempotency key. The id and the fingerprint are HMACs, whose keys are not here. answer: the record that was committed.
  `
  CREATE TABLE requests (
    registry TEXT NOT NULL,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    token TEXT NOT NULL,
    answer TEXT,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (registry, account, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX requests_token ON requests (registry, account, token);
  CREATE INDEX requests_age ON requests (registry, expires_at);
  ALTER TABLE intents ADD COLUMN request TEXT;
  `,

  // Migration and adoption. An intent of a migration does not hold its record, so that a write may have its own beside it. The table is made
  // anew, since SQLite changes no CHECK. copy: what a purge_path leaves to return to, as JSON, until it is first claimed.
  `
  CREATE TABLE new_intents (
    registry TEXT NOT NULL,
    id TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'update', 'migrate')),
    account TEXT NOT NULL,
    secret TEXT NOT NULL,
    key TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    store TEXT NOT NULL,
    path TEXT NOT NULL,
    base_version TEXT,
    base_revision INTEGER,
    sets_description INTEGER NOT NULL,
    description TEXT,
    token TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    recoveries INTEGER NOT NULL,
    begun_at INTEGER NOT NULL DEFAULT 0,
    request TEXT,
    PRIMARY KEY (registry, id),
    FOREIGN KEY (registry, account) REFERENCES accounts (registry, account)
  ) STRICT;
  INSERT INTO new_intents (registry, id, operation, account, secret, key, actor_id, actor_type, store, path, base_version, base_revision,
    sets_description, description, token, lease_until, recoveries, begun_at, request)
  SELECT registry, id, operation, account, secret, key, actor_id, actor_type, store, path, base_version, base_revision,
    sets_description, description, token, lease_until, recoveries, begun_at, request FROM intents;
  DROP TABLE intents;
  ALTER TABLE new_intents RENAME TO intents;
  CREATE UNIQUE INDEX intents_secret ON intents (registry, secret) WHERE operation <> 'migrate';
  CREATE UNIQUE INDEX intents_key ON intents (registry, account, key) WHERE operation <> 'migrate';
  CREATE UNIQUE INDEX intents_migration ON intents (registry, secret) WHERE operation = 'migrate';
  CREATE UNIQUE INDEX intents_token ON intents (registry, account, token);
  CREATE UNIQUE INDEX intents_path ON intents (registry, store, path);
  CREATE INDEX intents_lease ON intents (registry, lease_until);
  ALTER TABLE records ADD COLUMN adopted TEXT;
  ALTER TABLE queue ADD COLUMN copy TEXT;
  CREATE INDEX queue_copies_secret ON queue (registry, secret, store) WHERE copy IS NOT NULL AND attempts = 0;
  CREATE INDEX queue_copies_store ON queue (registry, store, ready_at) WHERE copy IS NOT NULL AND attempts = 0;
  `,

  // All that a page shows, in the order of the keys: the rows themselves lie as they were made, a hundred of a page in a hundred places.
  `
  CREATE INDEX records_listed ON records (registry, account, key, id, description, cloud_secret_path, created_at, created_by_id, created_by_type,
    updated_at, updated_by, revision);
  `,

  // What is due is looked for store by store, so that neither what is not due nor a store that hangs is in the way; a person, among what
  // fails again and again. The 8 is core's FAILING_AFTER.
  `
  DROP INDEX queue_order;
  CREATE INDEX queue_order ON queue (registry, sequence);
  CREATE INDEX queue_due ON queue (registry, store, ready_at, sequence);
  CREATE INDEX queue_failing ON queue (registry) WHERE attempts >= 8 AND retained_until IS NULL;
  DROP INDEX intents_lease;
  CREATE INDEX intents_due ON intents (registry, store, lease_until);
  CREATE INDEX intents_failing ON intents (registry) WHERE recoveries >= 8;
  `,

  // The version whose value an update puts again: whoever commits it drops that one. NULL for a process of the release before.
  `
  ALTER TABLE intents ADD COLUMN replaces TEXT;
  `,
]
