// Runs on Bun and on Deno: a registry in memory, served by the runtime's own server.
import { createHash } from 'node:crypto'
import { createSecretRegistry, memoryDriver, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import { apiKeyAuthentication, createSecretsApp } from '@strongroom/http'
import { onBun } from '../src/on-bun.ts'
import { onDeno } from '../src/on-deno.ts'

const parts = { metadata: memoryMetadata(), stores: { main: memoryDriver() }, authorize: unsafeAllowEveryone }
const registry = await createSecretRegistry({ id: 'mounts', ...parts, writeTo: 'main' })
const sha256 = createHash('sha256').update('the-key').digest('hex')
const authenticate = apiKeyAuthentication([{ sha256, identity: { id: 'ada', type: 'user' }, accounts: ['acme'] }])
const secrets = createSecretsApp(registry, { authenticate, maxBodyBytes: 1000 })
const [runtime, port] = 'Bun' in globalThis ? ['bun', onBun(secrets)] : ['deno', onDeno(secrets)]
process.stdout.write(`${JSON.stringify({ runtime, url: `http://127.0.0.1:${port}` })}\n`)
