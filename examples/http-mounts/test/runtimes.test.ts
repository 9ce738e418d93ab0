import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createSecretRegistry, memoryDriver, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import { apiKeyAuthentication, createSecretsApp } from '@strongroom/http'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { onLambda } from '../src/on-lambda.ts'
import { programOf } from './programs.ts'
import { KEY, useApi } from './use-api.ts'

// The runtimes themselves, on the packages as built.

const OPTIONS: Readonly<Record<'bun' | 'deno', readonly string[]>> = {
  bun: ['run'],
  // As little as it needs.
  deno: ['run', '--no-remote', '--node-modules-dir=manual', '--allow-net=127.0.0.1', '--allow-read', '--allow-env'],
}

describe.each(Object.entries(OPTIONS) as ['bun' | 'deno', readonly string[]][])('on %s', (runtime, options) => {
  const program = programOf(runtime)
  it.skipIf(program === undefined)(program === undefined ? `needs ${runtime}, which is not here` : 'the API answers', async () => {
    const child = spawn(program as string, [...options, fileURLToPath(new URL('runtime.ts', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {},
    })
    try {
      const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as unknown[]
      const started = JSON.parse(String(line)) as { readonly runtime: string; readonly url: string }
      expect(started.runtime).toBe(runtime)
      await useApi(started.url)
    } finally {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })
})

/** As AWS documents it: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function eventOf(method: string, path: string, body?: string, isBase64Encoded = false) {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: path.endsWith('secrets') && method === 'GET' ? 'limit=5' : '',
    headers: {
      accept: '*/*',
      host: 'abcdefghij.execute-api.eu-west-1.amazonaws.com',
      'x-api-key': KEY,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdefghij',
      domainName: 'abcdefghij.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'abcdefghij',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'curl/8.5.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '12/Mar/2026:19:03:58 +0000',
      timeEpoch: 1_773_342_238_000,
    },
    ...(body !== undefined && { body: isBase64Encoded ? Buffer.from(body).toString('base64') : body }),
    isBase64Encoded,
  }
}

describe('on Lambda', () => {
  it('an event of API Gateway gets its answer', async () => {
    const parts = { metadata: memoryMetadata(), stores: { main: memoryDriver() }, authorize: unsafeAllowEveryone }
    await using registry = await createSecretRegistry({ id: 'mounts', ...parts, writeTo: 'main' })
    const sha256 = createHash('sha256').update(KEY).digest('hex')
    const authenticate = apiKeyAuthentication([{ sha256, identity: { id: 'ada', type: 'user' }, accounts: ['acme'] }])
    const handler = onLambda(createSecretsApp(registry, { authenticate, maxBodyBytes: 1000 }))
    const call = async (...event: Parameters<typeof eventOf>) => {
      const answer = (await handler(eventOf(...event) as never)) as {
        readonly statusCode: number
        readonly headers: Readonly<Record<string, string>>
        readonly body: string
        readonly isBase64Encoded: boolean
      }
      expect(answer.isBase64Encoded).toBe(false)
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: (answer.body === '' ? {} : JSON.parse(answer.body)) as Record<string, unknown>,
      }
    }
    const SECRETS = '/v5/sgp/secrets'
    const made = await call('POST', SECRETS, JSON.stringify({ key: 'stripe-key', value: 'the-value' }))
    expect([made.status, made.headers['etag'], made.body['account_id']]).toEqual([200, '"1"', 'acme'])
    expect((await call('POST', SECRETS, JSON.stringify({ key: 'second', value: 'the-välue' }), true)).status).toBe(200)
    expect((await call('GET', SECRETS)).body).toMatchObject({ total: 2, limit: 5 })
    const again = await call('POST', SECRETS, JSON.stringify({ key: 'stripe-key', value: 'the-value' }))
    expect([again.status, again.headers['content-type'], again.body['code']]).toEqual([409, 'application/problem+json', 'already_exists'])
    expect((await call('POST', SECRETS, JSON.stringify({ key: 'large', value: 'x'.repeat(1000) }))).status).toBe(413)
    expect((await call('DELETE', `${SECRETS}/${String(made.body['id'])}`)).status).toBe(204)
    expect((await call('GET', '/nowhere')).body['code']).toBe('route_not_found')
  })
})
