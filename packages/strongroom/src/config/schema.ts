import { z } from 'zod'
import { fields, flag, line, NAME, oneOf, reference, REFERENCE, texts, whole } from './fields.ts'
import { httpSection } from './http.ts'

// Every leaf says what is allowed; `check.ts` adds where, and what was found. The docs and the JSON Schema for editors come from here.

const perSecond = () => {
  const allowed = 'calls a second, more than 0 and at most 1000000'
  return z.number({ error: allowed }).positive({ error: allowed }).max(1_000_000, { error: allowed }).optional()
}
const OTHERS = 'the name of another store, or a list of such'

const common = {
  prefix: line('native text before every name, such as prod/').optional(),
  naming: oneOf('portable', 'native').optional(),
  limits: oneOf('portable', 'native').optional(),
  rate: fields({ reads: perSecond(), writes: perSecond() }, 'a rate')
    .optional()
    .describe(
      'What a migration asks of the store at most, in calls a second. By default a share of what the cloud gives; see the page on migration.',
    ),
  readOnly: flag().optional().describe('Nothing is ever written there: neither by the registry nor by the store itself.'),
  fallback: z
    .union([line(OTHERS), z.array(line(OTHERS), { error: OTHERS }).min(1, { error: OTHERS })], { error: OTHERS })
    .optional()
    .describe('The stores that source() reads from while this one is unavailable, in this order.'),
}

const unsafePlainHttp = flag()
  .optional()
  .describe('Takes an http URL of any host: whoever is on the way reads tokens and values, and can answer in the server’s place.')

const memory = fields({ type: z.literal('memory'), name: line('a name').optional(), ...common }, 'a memory store')

const local = fields(
  { type: z.literal('local'), path: line('a folder').describe('Relative to the configuration’s folder.'), key: reference.optional(), ...common },
  'a local store',
)

const aws = fields(
  {
    type: z.literal('aws'),
    region: line('a region, such as eu-west-1'),
    accountId: z
      // YAML takes them for a number, and a zero in front for nothing.
      .string({ error: ({ input }) => (typeof input === 'number' ? 'twelve digits, in quotation marks' : 'twelve digits') })
      .regex(/^\d{12}$/, { error: 'twelve digits' })
      .optional(),
    endpoint: line('a URL').optional().describe('Over http only on the loopback.'),
    unsafePlainHttp,
    kmsKeyId: line('the id, ARN or alias of a KMS key').optional(),
    tags: texts('an object of texts').optional(),
    recoveryWindowDays: whole(7, 30, 'days').optional(),
    credentials: fields(
      { accessKeyId: reference, secretAccessKey: reference, sessionToken: reference.optional() },
      'credentials; without them the SDK asks its own chain',
    ).optional(),
    ...common,
  },
  'an AWS store',
)

const kmsKey = line('projects/…/locations/…/keyRings/…/cryptoKeys/…').optional()
const gcp = fields(
  {
    type: z.literal('gcp'),
    projectId: line('the id of a project, such as my-project'),
    region: line('a region, such as europe-west3').optional(),
    transport: oneOf('grpc', 'rest').optional(),
    replication: z
      .discriminatedUnion(
        'type',
        [
          fields({ type: z.literal('automatic'), kmsKey }, 'automatic replication'),
          fields(
            { type: z.literal('locations'), locations: z.array(fields({ location: line('a region'), kmsKey }, 'a location')).min(1) },
            'replication in locations',
          ),
        ],
        { error: 'an object whose type is automatic or locations' },
      )
      .optional(),
    annotations: texts('an object of texts').optional(),
    versionAlias: line('a name').optional(),
    confirmReads: flag().optional(),
    credentials: reference.optional().describe('The JSON of a service account’s key or of another form that Google gives out.'),
    keyFile: line('a file').optional(),
    accessToken: reference
      .optional()
      .describe('A token that something else gets and renews: read again for each call. Also for an endpoint over http.'),
    endpoint: line('a URL').optional().describe('Over http only on the loopback.'),
    unsafePlainHttp,
    ...common,
  },
  'a Google store',
)

const clientId = line('a client id').optional()
const tenantId = line('a tenant id')
const azure = fields(
  {
    type: z.literal('azure'),
    vaultUrl: line('the URL of a vault, such as https://my-vault.vault.azure.net'),
    credential: z
      .discriminatedUnion(
        'kind',
        [
          fields({ kind: z.literal('managed_identity'), clientId }, 'a managed identity'),
          fields(
            { kind: z.literal('workload_identity'), tenantId: tenantId.optional(), clientId, tokenFilePath: line('a file').optional() },
            'a workload identity',
          ),
          fields({ kind: z.literal('client_secret'), tenantId, clientId: line('a client id'), clientSecret: reference }, 'a client secret'),
          fields(
            { kind: z.literal('client_certificate'), tenantId, clientId: line('a client id'), certificatePath: line('a file') },
            'a client certificate',
          ),
          fields({ kind: z.literal('azure_cli'), tenantId: tenantId.optional() }, 'the Azure CLI'),
          fields({ kind: z.literal('default') }, 'the default chain'),
          fields({ kind: z.literal('access_token'), token: reference }, 'an access token'),
        ],
        {
          error: 'an object whose kind is managed_identity, workload_identity, client_secret, client_certificate, azure_cli, default or access_token',
        },
      )
      .optional(),
    serviceVersion: oneOf('7.4', '7.5', '7.6', '2025-07-01').optional(),
    tls: fields({ ca: reference }, 'tls').optional(),
    disableChallengeResourceVerification: flag().optional(),
    tags: texts('an object of texts').optional(),
    ...common,
  },
  'an Azure store',
)

const mount = line('where the method is mounted').optional()
const vault = fields(
  {
    type: z.literal('vault'),
    address: line('a URL, such as https://vault.example.com:8200').describe('Over http only on the loopback.'),
    unsafePlainHttp,
    mount: line('where KV version 2 is mounted, such as secret').optional(),
    namespace: line('a namespace, such as team/part').optional(),
    auth: z
      .discriminatedUnion(
        'method',
        [
          fields({ method: z.literal('token'), token: reference, renew: flag().optional() }, 'a token'),
          fields({ method: z.literal('approle'), roleId: line('a role id'), secretId: reference, mount }, 'an AppRole'),
          fields({ method: z.literal('kubernetes'), role: line('a role'), jwtFile: line('a file').optional(), mount }, 'a Kubernetes login'),
          fields({ method: z.literal('jwt'), role: line('a role'), jwt: reference, mount }, 'a JWT login'),
        ],
        { error: 'an object whose method is token, approle, kubernetes or jwt' },
      )
      .optional()
      .describe('Without it: the token in VAULT_TOKEN, or else in ~/.vault-token.'),
    tls: fields({ ca: reference.optional(), cert: reference.optional(), key: reference.optional() }, 'tls').optional(),
    maxVersions: whole(10, 100_000, 'versions').optional(),
    ...common,
  },
  'a Vault store',
)

/** The stores that a file can name; a program may add its own by `schemes`. */
export const storeTypes = { memory, local, aws, gcp, azure, vault } as const

const TYPES = Object.keys(storeTypes).join(', ')
const storeObject = z.discriminatedUnion('type', [memory, local, aws, gcp, azure, vault], { error: `an object whose type is one of ${TYPES}` })
export type StoreConfig = z.infer<typeof storeObject>

const metadata = z.discriminatedUnion(
  'type',
  [
    fields({ type: z.literal('memory') }, 'metadata in memory'),
    fields(
      {
        type: z.literal('sqlite'),
        path: line('a file').describe('Relative to the configuration’s folder.'),
        busyTimeoutMs: whole(0, 2_147_483_647, 'milliseconds').optional(),
      },
      'metadata in SQLite',
    ),
    fields(
      {
        type: z.literal('postgres'),
        url: reference.optional().describe('postgres://user:password@host:port/database. Without it: PGHOST, PGUSER and the like.'),
        schema: line('a schema').optional(),
        maxConnections: whole(1, 1000, 'connections').optional(),
        connectTimeoutMs: whole(1, 86_400_000, 'milliseconds').optional(),
        statementTimeoutMs: whole(1, 86_400_000, 'milliseconds').optional(),
      },
      'metadata in PostgreSQL',
    ),
  ],
  { error: 'an object whose type is one of memory, sqlite, postgres' },
)
export type MetadataConfig = z.infer<typeof metadata>

const ACTIONS = [
  '*',
  'secret.create',
  'secret.list',
  'secret.describe',
  'secret.update',
  'secret.versions',
  'secret.rollback',
  'secret.delete',
  'secret.read_value',
  'audit.read',
] as const

const rule = fields(
  {
    actors: z.array(line('the id of an actor, or *'), { error: 'a list of the ids of actors, or of *' }).min(1),
    accounts: z.array(line('an account, or *'), { error: 'a list of accounts, or of *' }).min(1),
    actions: z.array(oneOf(...ACTIONS), { error: `a list of ${ACTIONS.join(', ')}` }).min(1),
  },
  'a rule',
)
/** A line of `authorization`: who may do what, where. */
export type AuthorizationRule = z.infer<typeof rule>

const storeName = z.string().regex(NAME)

/** A configuration once shorthands and variables have been replaced. */
export const configSchema = fields(
  {
    $schema: z.string().optional(),
    id: z
      .string({ error: 'the registry’s name: a-z 0-9 and single hyphens, at most 32 characters' })
      .regex(NAME, { error: 'the registry’s name: a-z 0-9 and single hyphens' })
      .max(32, { error: 'the registry’s name, of at most 32 characters' })
      .optional()
      .describe('The registry’s name in the database and in every label. Default: main.'),
    stores: z.record(storeName, storeObject, {
      error: issue => (issue.code === 'invalid_key' ? 'a name of a-z 0-9 and single hyphens' : 'an object of stores by name'),
    }),
    writeTo: line('the name of one of the stores').optional().describe('Where new secrets go. Not needed where one store alone may be written to.'),
    metadata: metadata.optional().describe('The database of the registry. Without it there are stores alone.'),
    keys: oneOf('portable', 'any').optional(),
    requestKeys: z
      .array(reference, { error: `a list of ${REFERENCE}` })
      .min(1)
      .optional()
      .describe('For idempotency keys: base64 of at least 32 random bytes each, the newest first.'),
    policy: fields(
      {
        deadlineMs: whole(1, 3_600_000, 'milliseconds').optional(),
        attempts: whole(1, 100, 'attempts').optional(),
        leaseMs: whole(1, 86_400_000, 'milliseconds').optional(),
        putHorizonMs: whole(1, 604_800_000, 'milliseconds').optional(),
        keepVersions: whole(1, 20, 'versions').optional(),
      },
      'the policy',
    ).optional(),
    cache: fields(
      {
        pointerTtlMs: whole(0, 86_400_000, 'milliseconds'),
        maxEntries: whole(1, 1_000_000, 'entries').optional(),
        maxBytes: whole(1, Number.MAX_SAFE_INTEGER, 'bytes').optional(),
        staleIfErrorMs: whole(0, 86_400_000, 'milliseconds').optional(),
      },
      'the cache',
    ).optional(),
    authorization: z
      .union([z.literal('unsafe-allow-everyone'), z.array(rule)], { error: 'a list of rules, or unsafe-allow-everyone' })
      .optional()
      .describe('Who may do what. Without it, the program that opens the configuration gives a function.'),
    http: httpSection.optional().describe('What `strongroom serve` serves, and to whom.'),
  },
  'a configuration',
)
/** A configuration file, checked. */
export type Config = z.infer<typeof configSchema>
