import { createRoute, z } from '@hono/zod-openapi'
import {
  createBodySchema,
  healthSchema,
  idempotencyHeader,
  ifMatchHeader,
  listQuerySchema,
  pageSchema,
  problemSchema,
  readySchema,
  secretIdSchema,
  secretSchema,
  updateBodySchema,
  valueSchema,
  type Keys,
} from './schemas.ts'

// What the OpenAPI document is made of, and what the requests are checked by.

export const SECRETS = '/v5/sgp/secrets'
const SECRET = `${SECRETS}/{secret_id}` as const
const VALUE = `${SECRET}/value` as const

const text = (description: string) => ({ description, schema: { type: 'string' } as const })
const REQUEST_ID = { 'X-Request-Id': text('The request’s own, or a new one.') }
const ETAG = { ETag: text('The revision, for `If-Match`.'), ...REQUEST_ID }
const RETRY_AFTER = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } as const }, ...REQUEST_ID }
const OPTIONAL_RETRY_AFTER = { 'Retry-After': { ...RETRY_AFTER['Retry-After'], required: false }, ...REQUEST_ID }

const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })
const problem = (description: string, headers: object = REQUEST_ID) => ({
  description,
  headers: headers as typeof REQUEST_ID,
  content: { 'application/problem+json': { schema: problemSchema } },
})

const common = {
  401: problem('No credential, or a wrong one.', { 'WWW-Authenticate': text('How to authenticate.'), ...REQUEST_ID }),
  403: problem('Denied: the account, or this to this identity.'),
  422: problem('What was sent is not allowed; `errors` has each field.'),
  429: problem('Too many requests with this key.', RETRY_AFTER),
  500: problem('A mistake of the server.'),
  502: problem('The secret store refuses this service, or its answer is not understood.'),
  503: problem(
    'The secret store or the database is away, or the server is full. `effect` says whether a write may have happened.',
    OPTIONAL_RETRY_AFTER,
  ),
  504: problem('The secret store did not answer in time; nothing was done.', OPTIONAL_RETRY_AFTER),
}
const missing = { 404: problem('There is no such secret in the account.') }
const body = {
  400: problem('The body is not JSON.'),
  408: problem('The body did not come in time.'),
  413: problem('The body is too large.'),
  415: problem('The body is not `application/json`.'),
}
const conflict = { 409: problem('The account has that key already, or another write is under way.', OPTIONAL_RETRY_AFTER) }
const precondition = { 412: problem('The secret has been changed since.') }

const params = z.object({ secret_id: secretIdSchema })
const security = [
  { apiKey: [], selectedAccount: [] },
  { bearer: [], selectedAccount: [] },
]
const tags = ['Secrets']

export const createSecret = (keys: Keys) =>
  createRoute({
    method: 'post',
    path: SECRETS,
    operationId: 'createSecret',
    summary: 'Create a secret',
    description: 'The value goes to the cloud’s secret store; no answer ever has it.',
    tags,
    security,
    request: { headers: z.object({ 'idempotency-key': idempotencyHeader }), body: { required: true, content: json(createBodySchema(keys)) } },
    responses: {
      200: {
        description: 'The secret.',
        headers: { ...ETAG, Location: text('Where it is, relative to the URL of the request.') },
        content: json(secretSchema),
        links: {
          get: { operationId: 'getSecret', parameters: { secret_id: '$response.body#/id' } },
          update: { operationId: 'updateSecret', parameters: { secret_id: '$response.body#/id' } },
          delete: { operationId: 'deleteSecret', parameters: { secret_id: '$response.body#/id' } },
        },
      },
      ...body,
      ...conflict,
      ...common,
    },
  })

export const listSecrets = createRoute({
  method: 'get',
  path: SECRETS,
  operationId: 'listSecrets',
  summary: 'List the secrets of the account',
  tags,
  security,
  request: { query: listQuerySchema },
  responses: { 200: { description: 'A page.', headers: REQUEST_ID, content: json(pageSchema) }, ...common },
})

export const getSecret = createRoute({
  method: 'get',
  path: SECRET,
  operationId: 'getSecret',
  summary: 'What is known of a secret',
  tags,
  security,
  request: { params },
  responses: { 200: { description: 'The secret.', headers: ETAG, content: json(secretSchema) }, ...missing, ...common },
})

export const updateSecret = createRoute({
  method: 'patch',
  path: SECRET,
  operationId: 'updateSecret',
  summary: 'Give a secret another value, another description, or both',
  tags,
  security,
  request: {
    params,
    headers: z.object({ 'idempotency-key': idempotencyHeader, 'if-match': ifMatchHeader }),
    body: { required: true, content: json(updateBodySchema) },
  },
  responses: {
    200: { description: 'The secret.', headers: ETAG, content: json(secretSchema) },
    ...body,
    ...missing,
    ...conflict,
    ...precondition,
    ...common,
  },
})

export const deleteSecret = createRoute({
  method: 'delete',
  path: SECRET,
  operationId: 'deleteSecret',
  summary: 'Delete a secret, from the cloud and here',
  tags,
  security,
  request: { params, headers: z.object({ 'if-match': ifMatchHeader }) },
  responses: { 204: { description: 'It is gone.', headers: REQUEST_ID }, ...missing, ...conflict, ...precondition, ...common },
})

/** Behind a flag. */
export const readValue = createRoute({
  method: 'get',
  path: VALUE,
  operationId: 'readSecretValue',
  summary: 'Read the value',
  description: 'Needs the permission `secret.read_value`. Each read is in the audit trail before the value is given out.',
  tags,
  security,
  request: { params },
  responses: { 200: { description: 'The value.', headers: ETAG, content: json(valueSchema) }, ...missing, ...conflict, ...common },
})

export const health = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'health',
  summary: 'Whether the process answers',
  tags: ['Operation'],
  responses: { 200: { description: 'It does.', headers: REQUEST_ID, content: json(healthSchema) } },
})

export const ready = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'ready',
  summary: 'Whether database and secret store answer',
  tags: ['Operation'],
  responses: {
    200: { description: 'They do.', headers: REQUEST_ID, content: json(readySchema) },
    503: problem('One of them does not.', OPTIONAL_RETRY_AFTER),
  },
})
