import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createSecretRegistry, memoryDriver, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import { apiKeyAuthentication, createSecretsApp, type SecretsApp } from '@strongroom/http'
import { describe, expect, it } from 'vitest'
import { inExpress } from '../src/in-express.ts'
import { inFastify } from '../src/in-fastify.ts'
import { inHono } from '../src/in-hono.ts'
import { KEY, useApi } from './use-api.ts'

interface Running {
  readonly url: string
  readonly stop: () => Promise<void>
}

const listening = async (server: Server): Promise<Running> => {
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () =>
      await new Promise<void>(done => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

const WAYS: Readonly<Record<string, (secrets: SecretsApp) => Promise<Running>>> = {
  Hono: async secrets => {
    const listener = getRequestListener(inHono(secrets).fetch, { overrideGlobalObjects: false })
    return await listening(createServer((request, response) => void listener(request, response)))
  },
  Express: async secrets => await listening(createServer(inExpress(secrets))),
  Fastify: async secrets => {
    const app = inFastify(secrets)
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), stop: async () => await app.close() }
  },
}

describe.each(Object.entries(WAYS))('in %s', (_, start) => {
  it('the API answers under its path, beside the service’s own routes', async () => {
    const parts = { metadata: memoryMetadata(), stores: { main: memoryDriver() }, authorize: unsafeAllowEveryone }
    await using registry = await createSecretRegistry({ id: 'mounts', ...parts, writeTo: 'main' })
    const sha256 = createHash('sha256').update(KEY).digest('hex')
    const authenticate = apiKeyAuthentication([{ sha256, identity: { id: 'ada', type: 'user' }, accounts: ['acme'] }])
    const { url, stop } = await start(createSecretsApp(registry, { authenticate, maxBodyBytes: 1000 }))
    try {
      expect(await (await fetch(url)).text()).toBe('the service itself')
      await useApi(`${url}/internal`)
    } finally {
      await stop()
    }
  })
})
