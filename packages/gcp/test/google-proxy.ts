import { startFaultProxy, type FaultProxy, type WireAnswer } from '@strongroom/emulators'

const OPERATIONS: readonly (readonly [pattern: RegExp, operation: string])[] = [
  [/^POST .*\/secrets$/, 'CreateSecret'],
  [/^GET .*\/secrets$/, 'ListSecrets'],
  [/^POST .*\/secrets\/[^/]+:addVersion$/, 'AddSecretVersion'],
  [/^GET .*\/secrets\/[^/]+\/versions$/, 'ListSecretVersions'],
  [/^GET .*\/versions\/[^/]+:access$/, 'AccessSecretVersion'],
  [/^POST .*\/versions\/[^/]+:destroy$/, 'DestroySecretVersion'],
  [/^GET .*\/versions\/[^/]+$/, 'GetSecretVersion'],
  [/^GET .*\/secrets\/[^/]+$/, 'GetSecret'],
  [/^PATCH .*\/secrets\/[^/]+$/, 'UpdateSecret'],
  [/^DELETE .*\/secrets\/[^/]+$/, 'DeleteSecret'],
]

/** What someone may do, by the bearer token; undefined: everything. */
export type Permits = Readonly<Record<string, readonly string[] | undefined>>

/** A proxy before a server that speaks Google's REST API and knows no permissions; its operations are called `owner:GetSecret`, after who asks. */
export async function startGoogleProxy(upstream: string, permits: Permits): Promise<FaultProxy> {
  const proxy = await startFaultProxy(upstream, {
    operationOf: ({ method, url = '', headers }) => {
      const who = /^Bearer (\w+)$/.exec(headers.authorization ?? '')?.[1] ?? 'anonymous'
      const asked = `${method} ${url.split('?')[0]}`
      return `${who}:${OPERATIONS.find(([pattern]) => pattern.test(asked))?.[1] ?? asked}`
    },
    throttled: (retryAfterMs = 0) => refusal(429, 'RESOURCE_EXHAUSTED', [{ '@type': RETRY_INFO, retryDelay: `${retryAfterMs / 1000}s` }]),
    failed: status => refusal(500, status),
  })
  proxy.answerWith(asked => {
    const [who = '', operation = ''] = asked.split(':')
    if (!Object.hasOwn(permits, who)) return refusal(401, 'UNAUTHENTICATED')
    return permits[who]?.includes(operation) === false ? refusal(403, 'PERMISSION_DENIED') : undefined
  })
  return proxy
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

/** Google's REST form of an error: https://google.aip.dev/193. */
function refusal(code: number, status: string, details: readonly object[] = []): WireAnswer {
  const body = JSON.stringify({ error: { code, message: status, status, details } })
  return { status: code, headers: { 'content-type': 'application/json; charset=UTF-8' }, body }
}
