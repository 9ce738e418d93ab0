/** The table that says which migrations a schema has had. Every release can read it. */
export const VERSION_TABLE = 'schema_version'

/**
 * Migration n brings a schema from version n to n + 1. One that was released is never changed. Plain SQL, so that databases that speak
 * PostgreSQL's language can run it: no sequence, trigger, extension or type of our own. Texts compare by their bytes (`COLLATE "C"`),
 * whatever the database's own collation is; times are milliseconds since 1970.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE stores (
    registry text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, name)
  );

  -- One row an account: how many records it has, the last entry of its audit chain, how many tasks it ever queued. It is also the lock
  -- of everything that writers change of the account.
  CREATE TABLE accounts (
    registry text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    records bigint NOT NULL CHECK (records >= 0),
    audit_sequence bigint NOT NULL,
    audit_hash text COLLATE "C" NOT NULL,
    tasks bigint NOT NULL,
    PRIMARY KEY (registry, account)
  );

  CREATE TABLE records (
    registry text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    cloud_secret_path text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    created_by_id text COLLATE "C" NOT NULL,
    created_by_type text COLLATE "C" NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text COLLATE "C",
    revision bigint NOT NULL,
    store text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, id)
  );
  CREATE UNIQUE INDEX records_key ON records (registry, account, key);
  CREATE INDEX records_created ON records (registry, account, created_at, id);
  CREATE INDEX records_updated ON records (registry, account, updated_at, id);
  CREATE UNIQUE INDEX records_path ON records (registry, store, path);

  -- Where a deleted record stood in each order, so that a cursor on it goes on working.
  CREATE TABLE tombstones (
    registry text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (registry, id)
  );

  CREATE TABLE intents (
    registry text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL CHECK (operation IN ('create', 'update')),
    account text COLLATE "C" NOT NULL,
    secret text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    actor_type text COLLATE "C" NOT NULL,
    store text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    base_version text COLLATE "C",
    base_revision bigint,
    sets_description smallint NOT NULL,
    description text COLLATE "C",
    token text COLLATE "C" NOT NULL,
    lease_until bigint NOT NULL,
    recoveries bigint NOT NULL,
    PRIMARY KEY (registry, id)
  );
  CREATE UNIQUE INDEX intents_secret ON intents (registry, secret);
  CREATE UNIQUE INDEX intents_key ON intents (registry, account, key);
  CREATE UNIQUE INDEX intents_token ON intents (registry, account, token);
  CREATE UNIQUE INDEX intents_path ON intents (registry, store, path);
  CREATE INDEX intents_lease ON intents (registry, lease_until);

  -- ready_at: from when it may be claimed, because it is due or because its claim is over.
  -- position: the account's own count, for the order of tasks that were queued in one millisecond.
  CREATE TABLE queue (
    registry text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL CHECK (task IN ('promote', 'destroy_version', 'purge_path', 'watch_path')),
    account text COLLATE "C" NOT NULL,
    secret text COLLATE "C" NOT NULL,
    store text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    version text COLLATE "C",
    token text COLLATE "C",
    attempts bigint NOT NULL,
    queued_at bigint NOT NULL,
    claim text COLLATE "C",
    ready_at bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (registry, id)
  );
  CREATE INDEX queue_order ON queue (registry, queued_at, account, position, ready_at);
  CREATE INDEX queue_path ON queue (registry, store, path);

  CREATE TABLE settled_claims (
    registry text COLLATE "C" NOT NULL,
    claim text COLLATE "C" NOT NULL,
    settled_at bigint NOT NULL,
    PRIMARY KEY (registry, claim)
  );
  CREATE INDEX settled_claims_age ON settled_claims (registry, settled_at);

  CREATE TABLE audit (
    registry text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    at bigint NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    actor_type text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('ok', 'denied', 'failed', 'unknown')),
    code text COLLATE "C",
    secret text COLLATE "C",
    key text COLLATE "C",
    operation_id text COLLATE "C",
    previous_hash text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, account, sequence)
  );
  CREATE INDEX audit_operation ON audit (registry, account, operation_id);
  `,

  // Since when a write is under way, and why a task was put off.
  `
  ALTER TABLE intents ADD COLUMN begun_at bigint NOT NULL DEFAULT 0;
  UPDATE intents SET begun_at = lease_until;
  ALTER TABLE queue ADD COLUMN code text COLLATE "C";
  ALTER TABLE queue ADD COLUMN retained_until bigint;
  `,

  // The versions that a record keeps, as JSON. A record of before keeps the pointer's, which its last change may have made: of that the
  // record has who by his id alone, and the audit trail the rest. The default is for processes of the release before, while they last.
  `
  ALTER TABLE records ADD COLUMN versions text COLLATE "C" NOT NULL DEFAULT '[]';
  UPDATE records SET versions = json_build_array(json_build_object('version', version, 'revision', revision,
    'committed_at', created_at, 'committed_by_id', created_by_id, 'committed_by_type', created_by_type))::text
  WHERE updated_by IS NULL;
  UPDATE records SET versions = json_build_array(json_build_object('version', version, 'revision', revision,
    'committed_at', updated_at, 'committed_by_id', updated_by, 'committed_by_type', last.actor_type))::text
  FROM (
    SELECT DISTINCT ON (registry, secret) registry, secret, actor_type FROM audit
    WHERE action = 'secret.update' AND outcome = 'ok' ORDER BY registry, secret, sequence DESC
  ) AS last
  WHERE records.updated_by IS NOT NULL AND last.registry = records.registry AND last.secret = records.id;
  `,

  // Writes with an idempotency key. The id and the fingerprint are HMACs, whose keys are not here. answer: the record that was committed.
  `
  CREATE TABLE requests (
    registry text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    answer text COLLATE "C",
    expires_at bigint NOT NULL,
    PRIMARY KEY (registry, account, id)
  );
  CREATE INDEX requests_token ON requests (registry, account, token);
  CREATE INDEX requests_age ON requests (registry, expires_at);
  ALTER TABLE intents ADD COLUMN request text COLLATE "C";
  `,

  // Migration and adoption. An intent of a migration does not hold its record, so that a write may have its own beside it. copy: what a
  // purge_path leaves to return to, as JSON, until it is first claimed.
  `
  ALTER TABLE intents DROP CONSTRAINT intents_operation_check;
  ALTER TABLE intents ADD CONSTRAINT intents_operation_check CHECK (operation IN ('create', 'update', 'migrate'));
  DROP INDEX intents_secret;
  DROP INDEX intents_key;
  CREATE UNIQUE INDEX intents_secret ON intents (registry, secret) WHERE operation <> 'migrate';
  CREATE UNIQUE INDEX intents_key ON intents (registry, account, key) WHERE operation <> 'migrate';
  CREATE UNIQUE INDEX intents_migration ON intents (registry, secret) WHERE operation = 'migrate';
  ALTER TABLE records ADD COLUMN adopted text COLLATE "C";
  ALTER TABLE queue ADD COLUMN copy text COLLATE "C";
  CREATE INDEX queue_copies_secret ON queue (registry, secret, store) WHERE copy IS NOT NULL AND attempts = 0;
  CREATE INDEX queue_copies_store ON queue (registry, store, ready_at) WHERE copy IS NOT NULL AND attempts = 0;
  `,

  // What is due is looked for store by store, so that neither what is not due nor a store that hangs is in the way; a person, among what
  // fails again and again. The 8 is core's FAILING_AFTER.
  `
  DROP INDEX queue_order;
  CREATE INDEX queue_order ON queue (registry, queued_at, account, position);
  CREATE INDEX queue_due ON queue (registry, store, ready_at, queued_at, account, position);
  CREATE INDEX queue_failing ON queue (registry) WHERE attempts >= 8 AND retained_until IS NULL;
  DROP INDEX intents_lease;
  CREATE INDEX intents_due ON intents (registry, store, lease_until);
  CREATE INDEX intents_failing ON intents (registry) WHERE recoveries >= 8;
  `,

  // The version whose value an update puts again: whoever commits it drops that one. NULL for a process of the release before.
  `
  ALTER TABLE intents ADD COLUMN replaces text COLLATE "C";
  `,
]
