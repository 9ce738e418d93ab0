import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { SecretDriver } from '@strongroom/core'
import { startFaultProxy, type FaultProxy, type WireAnswer } from '@strongroom/emulators'
import { startMoto, type TestServer } from '@strongroom/testbed'
import { objectStoreDriver, type Sign } from '../src/index.ts'

/** Keys a page, where a request does not say how many: few, so that every list of more than a few has pages. */
const PAGE = '20'

/** moto's S3 on a free port of the loopback, one request at a time. */
export async function startStore(): Promise<TestServer> {
  process.env['MOTO_S3_DEFAULT_MAX_KEYS'] = PAGE
  return await startMoto()
}

/** Makes a bucket of its own, and answers its name. */
export async function makeBucket(url: string): Promise<string> {
  const name = `bucket-${randomUUID()}`
  await raw(`${url}/${name}`, { method: 'PUT' })
  return name
}

/** Who asks is told by the key in the signature, which moto does not check. Without any, it answers 403. */
export function signAs(who: string): Sign {
  return async request => {
    const headers = new Headers(request.headers)
    headers.set('authorization', authorizationOf(who))
    return new Request(request, { headers })
  }
}

function authorizationOf(who: string): string {
  return `AWS4-HMAC-SHA256 Credential=${who}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`
}

/** A request around the adapter. @throws Error unless it succeeds */
export async function raw(
  url: string,
  init: Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const answer = await fetch(url, { ...init, headers: { authorization: authorizationOf('outside'), ...init.headers } })
  if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${answer.status}`)
  return answer
}

export function driverAt(endpoint: string, bucket: string, who: string = 'open'): SecretDriver {
  return objectStoreDriver({ endpoint, bucket, sign: signAs(who) })
}

/** A proxy before the store; its operations are called `open:PutObject`, after who asks. */
export async function startStoreProxy(upstream: string): Promise<FaultProxy> {
  return await startFaultProxy(upstream, {
    operationOf,
    throttled: (retryAfterMs = 0) => refusal(503, 'SlowDown', { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    failed: code => refusal(code === 'InternalError' ? 500 : 400, code),
  })
}

export function refusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message><RequestId>1</RequestId></Error>`
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body }
}

function operationOf({ method = 'GET', url = '', headers }: IncomingMessage): string {
  const who = /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1] ?? 'nobody'
  const { searchParams } = new URL(url, 'http://store')
  if (searchParams.has('list-type')) return `${who}:ListObjectsV2`
  if (searchParams.has('tagging')) return `${who}:GetObjectTagging`
  return `${who}:${method.charAt(0)}${method.slice(1).toLowerCase()}Object`
}
