import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetSecretValueCommand, ListSecretsCommand, ListSecretVersionIdsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { accountId, verifyAudit } from '@strongroom/core'
import { suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noBackend, region, signed, startAws, type AwsServer } from '../aws-server.ts'
import { ACCOUNT, ACTOR, newDriver, newMetadata, openReader, openRegistry, type Scenario } from './parts.ts'

// A real process, a real `kill -9`, SQLite on disk, a server: killed between any two steps of a write, what does `maintain`
// make of it? What is in the cloud is looked up by the SDK alone.

const missing = noBackend()
/** What a whole run calls; killed in place of each of them, and once more when all are done and nobody has been told. */
const STEPS = {
  create: ['metadata.beginCreate', 'driver.create', 'metadata.commitCreate'],
  update: ['metadata.beginUpdate', 'driver.append', 'metadata.commitUpdate', 'driver.promote', 'metadata.settleQueue'],
  rollback: ['metadata.find', 'driver.versions', 'metadata.commitRollback', 'driver.promote', 'metadata.settleQueue'],
  delete: ['metadata.commitDelete', 'driver.remove', 'metadata.settleQueue'],
} as const
const BEFORE = { old: 'first' }
const AFTER = { create: { old: 'first', new: 'fresh' }, update: { old: 'second' }, rollback: { old: 'zeroth' }, delete: {} } as const

describe.skipIf(missing !== undefined)(suiteTitle('killed between two steps, on SQLite and AWS', missing), () => {
  let server: AwsServer
  let raw: SecretsManagerClient
  let folder: string
  let count = 0

  beforeAll(async () => {
    server = await startAws()
    raw = new SecretsManagerClient({ region, endpoint: server.endpoint, ...signed })
    folder = await mkdtemp(join(tmpdir(), 'strongroom-crash-'))
  })
  afterAll(async () => {
    raw?.destroy()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const scenarios = (Object.keys(STEPS) as (keyof typeof STEPS)[]).flatMap(operation =>
    [...STEPS[operation], 'the answer'].map((step, steps) => [operation, step, steps] as const),
  )

  it.concurrent.each(scenarios)('%s, killed before %s', async (operation, _, steps) => {
    count += 1
    const database = join(folder, `${count}.db`)
    const prefix = `${server.prefix}crash-${count}/`
    const driver = newDriver(server.endpoint)
    const setUp = await openRegistry(newMetadata(database), driver, prefix)
    const owner = setUp.account(accountId(ACCOUNT), ACTOR)
    const { id } = await owner.create({ key: 'old', value: 'zeroth' })
    await owner.update(id, { value: 'first' })
    const [, zeroth] = await owner.versions(id)
    const earlier = (await Array.fromAsync(owner.audit())).length
    await setUp.close()

    const died = await runChild({ endpoint: server.endpoint, database, prefix, operation, id, version: zeroth?.version ?? '', steps })
    expect(died.signal).toBe('SIGKILL')
    expect(died.calls).toEqual(STEPS[operation].slice(0, steps))

    // Past the lease and the horizon, without waiting for them.
    let aheadMs = 0
    const metadata = newMetadata(database, () => new Date(Date.now() + aheadMs))
    const after = newDriver(server.endpoint)
    await using registry = await openRegistry(metadata, after, prefix)
    await using reader = await openReader(metadata, after)
    for (let pass = 0; ; pass += 1) {
      aheadMs += 3_600_000
      if ((await registry.maintain()).backlog === 0) break
      expect(pass, 'the backlog ends').toBeLessThan(10)
    }

    const secrets = registry.account(accountId(ACCOUNT), ACTOR)
    const read: Record<string, string> = {}
    for (const { id: found, key } of (await secrets.list()).items) {
      const { value, record } = await reader.account(accountId(ACCOUNT), ACTOR).read({ id: found })
      read[key] = value.revealText()
      // Any client, at the path that the metadata names.
      expect((await raw.send(new GetSecretValueCommand({ SecretId: record.cloudSecretPath, VersionStage: 'AWSCURRENT' }))).SecretString).toBe(
        read[key],
      )
      const kept = (await secrets.versions(found)).map(({ version }) => version)
      expect(kept).toHaveLength(key === 'old' ? 2 : 1)
      for (const VersionId of kept) await raw.send(new GetSecretValueCommand({ SecretId: record.cloudSecretPath, VersionId }))
      const { Versions = [] } = await raw.send(new ListSecretVersionIdsCommand({ SecretId: record.cloudSecretPath }))
      const labelled = Versions.filter(({ VersionStages = [] }) => VersionStages.length > 0).map(({ VersionId }) => VersionId)
      expect(new Set(labelled), 'nothing is left labelled but what is kept').toEqual(new Set(kept))
    }
    const trail = await Array.fromAsync(secrets.audit())
    expect(await verifyAudit(trail)).toMatchObject({ ok: true })
    const commits = trail.slice(earlier).filter(entry => entry.action === `secret.${operation}` && entry.outcome === 'ok').length
    // Wholly done or wholly undone, and the audit trail says the same as the cloud.
    expect(read).toEqual(commits === 1 ? AFTER[operation] : BEFORE)
    if (steps === STEPS[operation].length) expect(commits).toBe(1)
    const { SecretList = [] } = await raw.send(new ListSecretsCommand({ Filters: [{ Key: 'name', Values: [prefix] }] }))
    expect(SecretList.length, 'secrets in the cloud that no record names').toBe(Object.keys(read).length)
  })
})

function runChild(scenario: Scenario): Promise<{ readonly signal: string | null; readonly calls: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const args = ['--conditions=@strongroom/source', join(import.meta.dirname, 'child.ts'), JSON.stringify(scenario)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const calls = output
        .trim()
        .split('\n')
        .filter(line => line !== '' && line !== 'metadata.bindStores')
      if (code !== null && code !== 0) reject(new Error(`the child ended with ${code}: ${errors}`))
      else resolve({ signal, calls })
    })
  })
}
