// How long upkeep takes to settle 10,000 writes whose process died: creates before their put, and creates and updates after it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { accountId, createSecretRegistry, memoryDriver, secretId, unsafeAllowEveryone } from '@strongroom/core'
import type { MetadataStore, NativePath, SecretDriver, SecretId } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { NONE, print, type Row } from './measure.ts'

const GOAL_S = 60
const ACCOUNT = accountId('acme')
const ACTOR = { id: 'alice', type: 'user' } as const
const HOUR_MS = 3_600_000
const CALL = { signal: new AbortController().signal, attempt: 1 }
const PAYLOAD = { bytes: new TextEncoder().encode('correct horse battery staple'), text: true }

export async function recovery({ intents = 10_000 }: { readonly intents?: number } = {}): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  let skipped = 0
  const metadata = sqliteMetadata({ path: join(folder, 'metadata.db'), clock: () => new Date(Date.now() + skipped) })
  const driver = memoryDriver()
  const registry = await createSecretRegistry({ id: 'bench', metadata, stores: { main: driver }, writeTo: 'main', authorize: unsafeAllowEveryone })
  const secrets = registry.account(ACCOUNT, ACTOR)
  try {
    const kept: SecretId[] = []
    for (let count = 0; count < intents / 4; count += 1) kept.push((await secrets.create({ key: `kept-${count}`, value: 'the first' })).id)
    for (const id of kept) await cutUpdate(metadata, driver, id)
    for (let count = kept.length; count < intents; count += 1) await cutCreate(metadata, driver, count % 2 === 0)
    skipped = HOUR_MS
    const startedAt = performance.now()
    let recovered = 0
    for (let busy = true; busy;) {
      const { recovered: more, promoted, destroyed, purged, postponed } = await registry.maintain({ maxItems: 1_000 })
      recovered += more
      if (postponed > 0) throw new Error('work was put off')
      busy = more + promoted + destroyed + purged > 0
    }
    const seconds = (performance.now() - startedAt) / 1_000
    // What is left waits for puts that may still land, for a quarter of an hour.
    const left = await metadata.references({ registry: 'bench' }, {})
    const { total } = await secrets.list()
    if (recovered !== intents || left.intents > 0 || left.tasks !== intents || total !== kept.length) throw new Error('the recovery is not whole')
    return [
      {
        what: `SQLite: recovery of ${intents} open intents, and of what follows from it`,
        ours: `${seconds.toFixed(1)} s`,
        baseline: NONE,
        difference: NONE,
        goal: `≤ ${GOAL_S} s`,
        reached: seconds <= GOAL_S,
      },
    ]
  } finally {
    await registry.close()
    await rm(folder, { recursive: true })
  }
}

async function cutCreate(metadata: MetadataStore, driver: SecretDriver, put: boolean): Promise<void> {
  const [secret, token] = [secretId(randomUUID()), randomUUID()]
  const path = `bench-${secret}` as NativePath
  const common = { registry: 'bench', account: ACCOUNT, actor: ACTOR, store: 'main', token, leaseMs: 45_000 }
  await metadata.beginCreate({ ...common, secret, key: `cut-${secret}`, description: null, path }, {})
  if (put) await driver.create({ path, payload: PAYLOAD, labels: {}, token }, CALL)
}

async function cutUpdate(metadata: MetadataStore, driver: SecretDriver, secret: SecretId): Promise<void> {
  const request = { registry: 'bench', account: ACCOUNT, secret, description: 'changed', ifRevision: undefined, actor: ACTOR }
  const begun = await metadata.beginUpdate({ ...request, token: randomUUID(), leaseMs: 45_000 }, {})
  if (begun.state !== 'begun') throw new Error('another write is in the way')
  const { path, token, base } = begun.intent
  await driver.append({ path, payload: PAYLOAD, token, after: base?.version, staged: true }, CALL)
}

if (import.meta.main) print(await recovery())
