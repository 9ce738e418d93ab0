import { fork, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  SecretError,
  unsafeAllowEveryone,
  verifyAudit,
  type AuditEntry,
  type IdempotentRequest,
  type MetadataStore,
  type SecretRecord,
} from '@strongroom/core'
import { changed, temporaryFolder } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Running } from '../src/backends/backend.ts'
import { databaseOf } from '../src/databases/index.ts'
import { settle } from '../src/settle.ts'
import { ask, BACKENDS, type Asking, type Said } from './asking.ts'

// Real processes that ask for the same write: at once, and after one was killed between the store and the database. On a store where
// a version can be proved to be an operation's own (local), and on one where it cannot (Vault's).

const ACCOUNT = accountId('account-1')
const ACTOR = { id: 'robot', type: 'service_account' } as const
const POLICY = { deadlineMs: 10_000, leaseMs: 30_000 }
const WORDS = ['password', 'hunter2', 'correct-horse', 'letmein', 'swordfish', 'open-sesame', 'trustno1', 'qwertyuiop'] as const
const TEST_MS = 240_000

class Child {
  readonly #process: ChildProcess
  readonly ended: Promise<string>
  output = ''

  constructor() {
    this.#process = fork(join(import.meta.dirname, 'asking-child.ts'), {
      execArgv: ['--conditions=@strongroom/source'],
      env: { ...process.env, NODE_NO_WARNINGS: '1', HTTP_PROXY: '', http_proxy: '' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on('data', (part: Buffer) => (this.output += part.toString()))
    this.ended = once(this.#process, 'close').then(([code, signal]) => String(signal ?? code))
    onTestFinished(() => void this.#process.kill('SIGKILL'))
  }

  async prepare(asking: Asking): Promise<this> {
    await this.#ask(asking, 'ready')
    return this
  }

  /** The record that it was answered, as JSON has it. */
  async go(): Promise<Extract<Said, { type: 'answer' }>['record']> {
    return (await this.#ask('go', 'answer')).record
  }

  /** For one that dies on its way. */
  async goAndDie(): Promise<string> {
    this.#process.send('go')
    return await this.ended
  }

  async #ask<T extends Said['type']>(message: Asking | 'go', type: T): Promise<Extract<Said, { type: T }>> {
    const said = once(this.#process, 'message').then(([one]) => one as Said)
    this.#process.send(message)
    const answer = await Promise.race([said, this.ended.then(end => ({ type: 'failed', text: `ended by ${end}: ${this.output}` }) as const)])
    if (answer.type !== type) throw new Error(answer.type === 'failed' ? answer.text : answer.type)
    return answer as Extract<Said, { type: T }>
  }
}

describe.each(['sqlite', 'postgres'])('processes on %s', databaseName => {
  const database = databaseOf(databaseName)
  afterAll(() => database.stop(), TEST_MS)

  // What a store can prove is recovery's affair, on whichever database.
  const backendNames = databaseName === 'sqlite' ? (['local', 'vault'] as const) : (['local'] as const)
  describe.each(backendNames)('and %s', backendName => {
    let running: Running
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    const requestKey = randomBytes(32)

    beforeAll(async () => {
      running = await BACKENDS[backendName].start()
      folder = await temporaryFolder()
    }, TEST_MS)
    afterAll(async () => {
      await running?.stop()
      folder?.remove()
    }, TEST_MS)

    /** A new registry with one secret; what is found in the end is looked up without the library where that can be. */
    async function scene(operation: 'create' | 'update') {
      const registryId = `r-${randomUUID().slice(0, 13)}`
      const place = await database.make(folder.path, registryId)
      const metadata = database.open(place)
      const shared = { id: registryId, metadata, stores: { main: BACKENDS[backendName].driver(running.config) }, authorize: unsafeAllowEveryone }
      const registry = await createSecretRegistry({ ...shared, writeTo: 'main', requestKeys: [requestKey], policy: POLICY })
      const reader = await createSecretReader(shared)
      onTestFinished(async () => {
        await registry.close()
        await reader.close()
        await database.remove(place)
      })
      const secrets = registry.account(ACCOUNT, ACTOR)
      const id = operation === 'update' ? (await secrets.create({ key: 'the-key', value: 'the value before' })).id : undefined
      const asking: Asking = {
        registry: registryId,
        backend: backendName,
        config: running.config,
        database: databaseName,
        place,
        requestKey: requestKey.toString('hex'),
        policy: POLICY,
        idempotencyKey: `key-of-the-request-${randomUUID()}`,
        value: WORDS[6],
        id,
        dies: undefined,
      }
      const end = async (): Promise<readonly AuditEntry[]> => {
        expect(await settle(registry, ms => database.advance(place, ms))).toBe(0)
        expect((await secrets.list()).items).toHaveLength(1)
        expect((await reader.account(ACCOUNT, ACTOR).read({ key: 'the-key' })).value.revealText()).toBe(asking.value)
        const found = await running.look(registryId)
        expect(found.filter(({ deleted }) => !deleted)).toHaveLength(1)
        const served = found.flatMap(({ versions }) => versions.filter(one => one.served).map(({ value }) => value))
        // What the registry keeps for a rollback is there too, and nothing of the other attempts.
        const kept = operation === 'update' ? ['the value before', asking.value] : [asking.value]
        expect({ served: new Set(served), count: served.length }).toEqual({ served: new Set(kept), count: kept.length })
        const trail = await Array.fromAsync(secrets.audit())
        expect(await verifyAudit(trail)).toMatchObject({ ok: true })
        expect(
          trail.filter(({ action, outcome, actor }) => action === `secret.${operation}` && outcome === 'ok' && actor.id === ACTOR.id),
        ).toHaveLength(1)
        return trail
      }
      return { asking, place, secrets, end }
    }

    // Both are asked of local alone: they are the database's affair.
    const deaths = (['create', 'update'] as const).flatMap(operation =>
      (backendName === 'local' ? (['before the commit', 'after the commit'] as const) : (['before the commit'] as const)).map(
        dies => [operation, dies] as const,
      ),
    )
    const atOnce = backendName === 'local' ? (['create', 'update'] as const) : []

    it.each(atOnce)('that %s at once with one key: one effect, one answer', { timeout: TEST_MS }, async operation => {
      const { asking, end } = await scene(operation)
      const children = await Promise.all([1, 2].map(() => new Child().prepare(asking)))
      const [first, second] = await Promise.all(children.map(child => child.go()))
      expect(second).toEqual(first)
      expect(first).toMatchObject({ key: 'the-key', description: 'asked for', revision: operation === 'create' ? 1 : 2 })
      await end()
    })

    it.each(deaths)('one of which is killed in its %s, %s: the next one has a true answer', { timeout: TEST_MS }, async (operation, dies) => {
      const { asking, place, secrets, end } = await scene(operation)
      const killed = await new Child().prepare({ ...asking, dies })
      expect(await killed.goAndDie()).toBe('SIGKILL')
      if (dies === 'before the commit') await database.advance(place, POLICY.leaseMs)
      const next = await new Child().prepare(asking)
      const answer = await next.go()
      expect(answer).toEqual(asJson(await secrets.describe(answer.id)))
      expect(answer).toMatchObject({ key: 'the-key', description: 'asked for' })
      const trail = await end()
      await secrets.update(answer.id, { description: 'changed since' })
      expect(asJson(await ask(secrets, asking))).toEqual(answer)
      const refusal: unknown = await ask(secrets, { ...asking, value: 'another value' }).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'idempotency_mismatch', effect: 'none', retryable: false })

      const places = {
        database: await database.bytes(place),
        audit: Buffer.from(JSON.stringify(trail)),
        errors: Buffer.from(inspect(refusal, { showHidden: true, depth: 9 })),
        logs: Buffer.from(killed.output + next.output),
      }
      for (const [where, bytes] of Object.entries(places)) {
        for (const [what, needle] of traces(asking.value)) expect(bytes.includes(needle), `${what} of the value in ${where}`).toBe(false)
        expect(bytes.includes(asking.idempotencyKey), `the idempotency key in ${where}`).toBe(false)
        for (const [what, needle] of formsOf(requestKey)) expect(bytes.includes(needle), `the request key, ${what}, in ${where}`).toBe(false)
      }
      // What a guess comes to, for who has the registry's key and for who has not.
      const guessed = async (key: Uint8Array): Promise<readonly string[]> => {
        const fits = await Promise.all(WORDS.map(async word => await isFingerprinted(places.database, asking, key, word)))
        return WORDS.filter((_, index) => fits[index])
      }
      expect(await guessed(requestKey), 'the attack works at all').toEqual([asking.value])
      for (const key of [Buffer.alloc(32), Buffer.alloc(32, asking.registry), Buffer.alloc(32, asking.idempotencyKey), randomBytes(32)]) {
        expect(await guessed(key)).toEqual([])
      }
    })
  })
})

function asJson(record: SecretRecord): unknown {
  return JSON.parse(JSON.stringify(record))
}

function formsOf(bytes: Buffer): readonly (readonly [string, Buffer])[] {
  const texts = (['hex', 'base64', 'base64url'] as const).map(form => [form, Buffer.from(bytes.toString(form))] as const)
  return [['bytes', bytes], ...texts]
}

/** The value itself, and every hash of it that needs no key, as bytes and as text. */
function traces(value: string): readonly (readonly [string, Buffer])[] {
  const hashes = ['sha256', 'sha1', 'md5', 'sha512', 'sha384', 'sha3-256'].flatMap(name =>
    formsOf(createHash(name).update(value).digest()).map(([form, needle]) => [`${name}, ${form},`, needle] as const),
  )
  return [...formsOf(Buffer.from(value)), ...hashes]
}

/** Whether the bytes have the fingerprint that the library itself makes of the same request with this word as its value. */
async function isFingerprinted(bytes: Buffer, asking: Asking, requestKey: Uint8Array, word: string): Promise<boolean> {
  let made: IdempotentRequest | undefined
  const keep = async (request: { readonly request?: IdempotentRequest | undefined }): Promise<never> => {
    made = request.request
    throw SecretError.refused('conflict', 'that is enough')
  }
  const metadata = changed<MetadataStore>(memoryMetadata(), { beginCreate: keep, beginUpdate: keep })
  const shared = { id: asking.registry, metadata, stores: { main: memoryDriver({ name: 'none' }) }, authorize: unsafeAllowEveryone }
  await using registry = await createSecretRegistry({ ...shared, writeTo: 'main', requestKeys: [requestKey] })
  await ask(registry.account(ACCOUNT, ACTOR), { ...asking, value: word }).catch(() => {})
  if (made === undefined) throw new Error('nothing was begun')
  return made.fingerprints.some(fingerprint => bytes.includes(fingerprint))
}
