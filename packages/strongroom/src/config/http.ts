import { hash } from 'node:crypto'
import { z } from 'zod'
import { fields, flag, line, oneOf, reference, whole } from './fields.ts'

const ACCOUNT = 'an account: 1 to 128 of A-Z a-z 0-9 _ . : / = + @ -; or * for all'
const HOLDER = 'who the holder of the key is: 1 to 256 characters, on one line'
const DIGEST = 'the SHA-256 of a key, as 64 hexadecimal digits: printf %s "$KEY" | sha256sum'
/** What sha256sum makes of a variable that is not set. */
const OF_NOTHING = hash('sha256', '')

const apiKey = fields(
  {
    sha256: z
      .string({ error: DIGEST })
      .regex(/^[0-9a-fA-F]{64}$/, { error: DIGEST })
      .refine(sha256 => sha256.toLowerCase() !== OF_NOTHING, { error: `${DIGEST}, where KEY is set` })
      .describe('SHA-256 of the key. The key itself stands in no configuration.'),
    identity: fields(
      { id: z.string({ error: HOLDER }).regex(/^[^\u0000-\u001f\u007f]{1,256}$/, { error: HOLDER }), type: oneOf('user', 'service_account') },
      'an identity',
    ),
    accounts: z
      .array(z.string({ error: ACCOUNT }).regex(/^(?:\*|[\w.:/=+@-]{1,128})$/, { error: ACCOUNT }), { error: 'a list of accounts, or of *' })
      .min(1, { error: 'at least one account, or *' })
      .describe('The accounts that it may select.'),
  },
  'a key',
)

const JWKS = 'the https URL where the issuer publishes its keys'
const jwt = fields(
  {
    jwks: z
      .string({ error: JWKS })
      .regex(/^(?:https:\/\/[^\s@/]+|http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?)(?:\/\S*)?$/, { error: JWKS, abort: true })
      .refine(text => URL.canParse(text), { error: JWKS })
      .describe('Where the issuer publishes its keys (RFC 7517).'),
    issuer: line('what iss must be'),
    audience: line('what aud must be'),
    accountsClaim: line('the name of a claim').optional().describe('The claim with the accounts. Default: accounts.'),
    typeClaim: line('the name of a claim').optional().describe('The claim that is service_account for one. Default: identity_type.'),
    algorithms: z
      .array(oneOf('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'), { error: 'a list of algorithms' })
      .min(1, { error: 'at least one algorithm' })
      .optional()
      .describe('Default: RS256, ES256, EdDSA.'),
  },
  'tokens of an issuer',
)

const DAY_MS = 86_400_000

/** What `strongroom serve` serves, and to whom. */
export const httpSection = fields(
  {
    apiKeys: z
      .array(apiKey, { error: 'a list of keys, each with sha256, identity and accounts' })
      .refine(keys => new Set(keys.map(({ sha256 }) => sha256.toLowerCase())).size === keys.length, { error: 'each key once' })
      .optional(),
    jwt: jwt.optional(),
    tls: fields({ cert: reference, key: reference }, 'tls').optional().describe('Certificate chain and private key, in PEM.'),
    rateLimit: fields({ requests: whole(1, 1_000_000, 'requests'), perSeconds: whole(1, 86_400, 'seconds') }, 'a rate')
      .optional()
      .describe('For each key, in this process.'),
    limits: fields(
      {
        bodyBytes: whole(1, 67_108_864, 'bytes').optional().describe('Default: 1048576.'),
        headerBytes: whole(1024, 1_048_576, 'bytes').optional().describe('Default: 16384.'),
        concurrent: whole(1, 1_000_000, 'requests').optional().describe('Requests worked on at once. Default: 1000.'),
        connections: whole(1, 1_000_000, 'connections').optional().describe('Default: as many as the system has.'),
        headersMs: whole(1, DAY_MS, 'milliseconds').optional().describe('Default: 10000.'),
        requestMs: whole(1, DAY_MS, 'milliseconds').optional().describe('Default: 30000.'),
        answerMs: whole(1, DAY_MS, 'milliseconds').optional().describe('How long a client may take to take its answer. Default: 60000.'),
        keepAliveMs: whole(1, DAY_MS, 'milliseconds').optional().describe('Default: 65000.'),
        shutdownMs: whole(0, DAY_MS, 'milliseconds').optional().describe('How long a stop waits for what is under way. Default: 30000.'),
      },
      'limits',
    ).optional(),
    readValues: flag().optional().describe('Adds the route that reads a value, to who has the permission secret.read_value.'),
    docs: flag().optional().describe('Adds /docs, a page for people. Needs the package swagger-ui-dist.'),
  },
  'the http section',
)
export type HttpConfig = z.infer<typeof httpSection>
