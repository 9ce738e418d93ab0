/** What can be thrown and is no error of any SDK: made anew each time, since a revoked proxy cannot be looked at. */
export function strangeErrors(): readonly (readonly [what: string, error: unknown])[] {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const circular: { self?: unknown } = {}
  circular.self = circular
  const deep = Array.from({ length: 2_000 }).reduce<object>(inner => ({ cause: inner, error: inner }), {})
  return [
    ['undefined', undefined],
    ['null', null],
    ['a string', 'a string'],
    ['an empty string', ''],
    ['a number', 404],
    ['a bigint', 10n],
    ['a boolean', true],
    ['a symbol', Symbol('error')],
    ['a function', () => {}],
    ['an array', [new Error('inside')]],
    ['an empty object', {}],
    ['an object without a prototype', Object.create(null)],
    ['a frozen object', Object.freeze({ frozen: true })],
    ['a frozen error', Object.freeze(new Error('frozen'))],
    ['a plain error', new Error('not from an SDK')],
    ['an error of the language', new TypeError('x is not a function')],
    ['an error without a message', Object.assign(new Error(), { message: undefined })],
    [
      'an error with odd fields',
      Object.assign(new Error('odd'), { name: 7, code: {}, status: 'x', statusCode: [], response: 1, details: null, $metadata: 0 }),
    ],
    ['fields that are null', { name: null, code: null, statusCode: null, response: null, details: null, body: null, $metadata: null, cause: null }],
    ['getters that throw', throwing()],
    ['an error with getters that throw', Object.defineProperties(new Error('x'), throwingFields())],
    ['a circular object', circular],
    ['a long chain of causes', deep],
    ['a proxy that throws', new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap })],
    ['a revoked proxy', revoked.proxy],
    ['an aggregate of nothing', new AggregateError([])],
    ['text that names an error', 'ResourceNotFoundException'],
    ['a message that names an error', new Error('404 not found: AccessDenied, already exists, ThrottlingException')],
  ]
}

const FIELDS = ['name', 'message', 'code', 'status', 'statusCode', 'response', 'details', 'cause', 'body', '$metadata', '$response', '$retryable']

function throwingFields(): PropertyDescriptorMap {
  return Object.fromEntries(FIELDS.map(field => [field, { get: trap, enumerable: true, configurable: true }]))
}

function throwing(): object {
  return Object.defineProperties({}, throwingFields())
}

function trap(): never {
  throw new Error('a trap')
}
