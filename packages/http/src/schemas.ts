import { z } from '@hono/zod-openapi'
import { problemCodes } from './problem-codes.ts'
import { MAX_FIELD_PROBLEMS } from './problem.ts'

// What requests and answers look like: what validates them, what the OpenAPI document says of them, and the types of the client.

const SECRET_ID = /^[a-z0-9-]{1,64}$/
const PORTABLE_KEY = /^[a-z0-9-]{1,127}$/
/** Well-formed text without control characters. */
const ANY_KEY = /^[^\u0000-\u001f\u007f]{1,255}$/
const WITHOUT_NUL = /^[^\u0000]*$/
/** As the document says it; as {@link isBase64} says it. Run on megabytes, a group that repeats overflows the stack. */
const BASE64 = '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, ''))
}

const SORT_FIELDS = ['created_at', 'updated_at', 'key'] as const
const SORT_ORDERS = ['asc', 'desc'] as const
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 10_000

export const secretIdSchema = z.string().openapi({
  pattern: SECRET_ID.source,
  description: 'The id that the answer to the create had.',
  example: '01890a5d-ac96-774b-bcce-b302099a8057',
})

const identitySchema = z
  .strictObject({
    id: z.string(),
    type: z.enum(['user', 'service_account']),
    object: z.literal('identity'),
  })
  .openapi('Identity', { description: 'Who acted.' })

export const secretSchema = z
  .strictObject({
    id: z.string().openapi({ description: 'Unique.' }),
    account_id: z.string().openapi({ description: 'The account that owns it.' }),
    cloud_secret_path: z.string().openapi({ description: 'The full path in the cloud’s secret store; the same for the secret’s life.' }),
    created_at: z.iso.datetime(),
    created_by: identitySchema,
    key: z.string().openapi({ description: 'The secret’s name within the account.' }),
    description: z.string().nullable(),
    object: z.literal('sgp_cloud_secret'),
    updated_at: z.iso.datetime().nullable().openapi({ description: 'Null until the first update.' }),
    updated_by: z.string().nullable().openapi({ description: 'The id of who updated it last.' }),
  })
  .openapi('Secret', { description: 'What is known of a secret. Never its value.' })

export const pageSchema = z
  .strictObject({
    items: z.array(secretSchema),
    has_more: z.boolean().openapi({ description: 'More follow in the direction of travel.' }),
    total: z.int().min(0).openapi({ description: 'All secrets of the account, exact.' }),
    limit: z.int().min(1).max(MAX_LIMIT),
    object: z.literal('list'),
  })
  .openapi('SecretPage')

const description = z
  .string({ error: 'text, or null' })
  .max(2000, { error: 'at most 2,000 characters' })
  .regex(WITHOUT_NUL, { error: 'text without NUL' })
  .refine(text => text.isWellFormed(), { error: 'well-formed text' })
  .nullable()

const value = z
  .string({ error: 'text' })
  .min(1, { error: 'at least 1 character' })
  .refine(text => text.isWellFormed(), { error: 'well-formed text; give value_base64 for bytes' })
  .openapi({ description: 'Text. It goes to the cloud’s secret store and nowhere else.', format: 'password' })

const valueBase64 = z
  .string({ error: 'base64' })
  .min(4, { error: 'base64 of at least 1 byte' })
  .refine(isBase64, { error: 'base64' })
  .openapi({ description: 'Bytes, instead of `value`.', format: 'password', pattern: BASE64 })

const key = { portable: PORTABLE_KEY, any: ANY_KEY }
const keyAllowed = { portable: '1 to 127 of a-z 0-9 -', any: '1 to 255 characters without control characters' }
export type Keys = keyof typeof key

const notAnObject = (names: readonly string[]) => `an object with ${names.join(', ')}`

/** The body of a create. `any` as in the registry's option `keys`. */
export function createBodySchema(keys: Keys) {
  const shape = {
    key: z
      .string({ error: 'text' })
      .regex(key[keys], { error: keyAllowed[keys] })
      .refine(text => text.isWellFormed(), { error: 'well-formed text' })
      .openapi({ description: `Unique in the account: ${keyAllowed[keys]}.`, example: 'openai-api-key' }),
    value: value.optional(),
    value_base64: valueBase64.optional(),
    description: description.optional(),
  }
  return z
    .strictObject(shape, { error: issue => (issue.code === 'unrecognized_keys' ? 'an unknown field' : notAnObject(Object.keys(shape))) })
    .superRefine((body, context) => {
      if (body.value === undefined && body.value_base64 === undefined)
        context.addIssue({ code: 'custom', path: ['value'], message: 'a value is required' })
      if (body.value !== undefined && body.value_base64 !== undefined) {
        context.addIssue({ code: 'custom', path: ['value_base64'], message: 'value or value_base64, not both' })
      }
    })
    .openapi('CreateSecret', { oneOf: [{ required: ['value'] }, { required: ['value_base64'] }] })
}

const EITHER_VALUE = { anyOf: [{ required: ['value'] }, { required: ['value_base64'] }] }
const updateShape = { description: description.optional(), value: value.optional(), value_base64: valueBase64.optional() }
export const updateBodySchema = z
  .strictObject(updateShape, { error: issue => (issue.code === 'unrecognized_keys' ? 'an unknown field' : notAnObject(Object.keys(updateShape))) })
  .superRefine((body, context) => {
    if (Object.values(body).every(field => field === undefined)) {
      context.addIssue({ code: 'custom', path: [], message: 'a value, a description, or both' })
    }
    if (body.value !== undefined && body.value_base64 !== undefined) {
      context.addIssue({ code: 'custom', path: ['value_base64'], message: 'value or value_base64, not both' })
    }
  })
  .openapi('UpdateSecret', { oneOf: [{ required: ['value'] }, { required: ['value_base64'] }, { required: ['description'], not: EITHER_VALUE }] })

const cursor = (what: string) =>
  z
    .string({ error: 'the id of a secret' })
    .regex(SECRET_ID, { error: 'the id of a secret of this account' })
    .optional()
    .openapi({ description: what })

export const listQuerySchema = z
  .object({
    limit: z
      .string({ error: `a whole number from 1 to ${MAX_LIMIT}` })
      .regex(/^(?:[1-9]\d{0,3}|10000)$/, { error: `a whole number from 1 to ${MAX_LIMIT}` })
      .transform(Number)
      .optional()
      .openapi({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
    starting_after: cursor('The id of the last item seen. It may have been deleted meanwhile. Not together with `ending_before`.'),
    ending_before: cursor('The id of the first item seen; the page is still in the requested order.'),
    sort_by: z
      .enum(SORT_FIELDS, { error: `one of ${SORT_FIELDS.join(', ')}` })
      .optional()
      .openapi({ description: '`created_at` by default.' }),
    sort_order: z
      .enum(SORT_ORDERS, { error: `one of ${SORT_ORDERS.join(', ')}` })
      .optional()
      .openapi({ description: '`desc` by default: the newest first.' }),
  })
  .superRefine((query, context) => {
    if (query.starting_after !== undefined && query.ending_before !== undefined) {
      context.addIssue({ code: 'custom', path: ['ending_before'], message: 'starting_after or ending_before, not both' })
    }
  })

export const idempotencyHeader = z
  .string()
  .regex(/^[\u0020-\u007e]{1,255}$/, { error: '1 to 255 printable ASCII characters' })
  .optional()
  .openapi({ description: 'For a request that may be repeated: the same key and request give the same answer for a day, and have one effect.' })

export const ifMatchHeader = z
  .string()
  .regex(/^(?:\*|(?:W\/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W\/)?"[!#-~]*")*)$/, { error: 'an ETag in quotation marks, a list of them, or *' })
  .optional()
  .openapi({ description: 'Only if the secret still has this `ETag`; otherwise 412.' })

export const valueSchema = z
  .strictObject({
    id: z.string(),
    key: z.string(),
    object: z.literal('sgp_cloud_secret_value'),
    value: z.string().optional().openapi({ description: 'The value, where it was given as text.' }),
    value_base64: z.string().optional().openapi({ description: 'The value, where it was given as bytes.' }),
  })
  .openapi('SecretValue')

export const problemSchema = z
  .strictObject({
    type: z.literal('about:blank'),
    title: z.string().openapi({ description: 'The status in words.' }),
    status: z.int().min(400).max(599),
    code: z.enum(problemCodes).openapi({ description: 'Stable: what a program decides by.' }),
    detail: z.string().openapi({ description: 'For a person. Never a part of the request.' }),
    request_id: z.string(),
    effect: z.enum(['none', 'unknown']).optional().openapi({
      description: '`unknown`: the write may have happened; a retry with the same `Idempotency-Key` finds out.',
    }),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .max(MAX_FIELD_PROBLEMS)
      .optional()
      .openapi({ description: 'With 422: the fields that are wrong, the first of them where they are many, and what is allowed there.' }),
  })
  .openapi('Problem', { description: 'RFC 9457.' })

export const healthSchema = z.strictObject({ status: z.literal('ok') }).openapi('Health')
export const readySchema = z.strictObject({ status: z.literal('ready'), checks: z.record(z.string(), z.literal('ok')) }).openapi('Readiness')

/** A secret without its value, as the API shows it. */
export type SecretResource = z.infer<typeof secretSchema>
/** A page of secrets, as the API shows it. */
export type SecretPageResource = z.infer<typeof pageSchema>
/** A secret’s value, as the API shows it. */
export type SecretValueResource = z.infer<typeof valueSchema>
/** What every refusal of the API says (RFC 9457). */
export type ProblemDocument = z.infer<typeof problemSchema>
/** The body of a create. */
export type CreateSecretBody = z.input<ReturnType<typeof createBodySchema>>
/** The body of an update. */
export type UpdateSecretBody = z.input<typeof updateBodySchema>
export type ListQuery = z.output<typeof listQuerySchema>
