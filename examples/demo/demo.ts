// The main job of Strongroom, told step by step: `npm run demo`, or `npm run demo -- --store aws`.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { accountId, createSecretReader, createSecretRegistry, unsafeAllowEveryone, verifyAudit, type Actor } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { awsPlace, localPlace } from './places.ts'
import { Transcript } from './transcript.ts'

const { values: options } = parseArgs({ options: { store: { type: 'string', default: 'local' } } })
if (options.store !== 'local' && options.store !== 'aws') {
  console.error(`--store is local or aws, not ${JSON.stringify(options.store)}`)
  process.exit(2)
}

const FIRST = 'sk-first-4f9a1c'
const SECOND = 'sk-second-b07e52'
const THIRD = 'sk-third-93d1aa'
const account = accountId('acme')
const alice: Actor = { id: 'alice', type: 'user' }
const service: Actor = { id: 'checkout', type: 'service_account' }

const folder = await mkdtemp(join(tmpdir(), 'strongroom-demo-'))
const place = options.store === 'aws' ? await awsPlace() : localPlace(folder)
const transcript = new Transcript()
const time = (date: Date): string => date.toISOString().slice(11, 23)

try {
  transcript.title(
    'Strongroom: a backend service’s secrets, from create to delete',
    `values    ${place.described}`,
    'metadata  SQLite, audit chained by hash',
    `folder    ${folder}`,
  )

  const shared = {
    id: 'demo',
    metadata: sqliteMetadata({ path: join(folder, 'meta.db') }),
    stores: { main: place.driver },
    authorize: unsafeAllowEveryone,
  }
  await using registry = await createSecretRegistry({ ...shared, writeTo: 'main' })
  await using reader = await createSecretReader(shared)
  const secrets = registry.account(account, alice)
  const values = reader.account(account, service)

  const record = await transcript.step(
    'Create a secret',
    "secrets.create({ key: 'openai-api-key', value, description: 'for the summariser' })",
    () => secrets.create({ key: 'openai-api-key', value: FIRST, description: 'for the summariser' }),
    ({ id, cloudSecretPath }) => [`id    ${id}`, `path  ${cloudSecretPath}`],
  )
  await secrets.create({ key: 'stripe-key', value: 'sk_live_not_really' })

  await transcript.step(
    'List: metadata only, no method of this object gives a value back',
    "secrets.list({ sortBy: 'key', sortOrder: 'asc' })",
    () => secrets.list({ sortBy: 'key', sortOrder: 'asc' }),
    ({ items, total }) => [
      `${total} secrets`,
      ...transcript.table([
        ['key', 'description', 'created by', 'revision'],
        ...items.map(item => [item.key, item.description ?? '-', item.createdBy.id, String(item.revision)]),
      ]),
    ],
  )

  await transcript.step(
    'Read the value, as the service that needs it',
    "values.read({ key: 'openai-api-key' })",
    () => values.read({ key: 'openai-api-key' }),
    ({ value }) => [`printed  ${String(value)}`, `revealText()  ${value.revealText()}`],
  )

  await transcript.step(
    'Rotate: a new version, then one commit moves the pointer',
    'secrets.update(record.id, { value: next }, { ifRevision: 1 })',
    () => secrets.update(record.id, { value: SECOND }, { ifRevision: record.revision }),
    ({ revision, updatedBy }) => [`revision ${revision}, by ${updatedBy}`],
  )

  await transcript.step(
    'Read again',
    'values.read({ id: record.id })',
    () => values.read({ id: record.id }),
    ({ value }) => [`revealText()  ${value.revealText()}`],
  )

  await transcript.step(
    'Was the new one wrong? The one before is kept',
    'secrets.rollback(record.id, before.version)',
    async () => {
      const [, before] = await secrets.versions(record.id)
      if (before === undefined) throw new Error('nothing is kept')
      return await secrets.rollback(record.id, before.version)
    },
    rolledBack => [
      `revision ${rolledBack.record.revision}, and clients without Strongroom ${rolledBack.outsiders === 'follow' ? 'follow' : 'do not'}`,
    ],
  )

  const { readOutside } = place
  if (readOutside !== undefined) {
    await transcript.step(
      'Read it with a client that knows nothing of Strongroom',
      readOutside.call,
      () => readOutside.read(record.cloudSecretPath),
      value => [`SecretString  ${value}`],
    )
  }

  await transcript.step(
    'Rotate again: the last two are kept',
    'secrets.update(record.id, { value: another })',
    () => secrets.update(record.id, { value: THIRD }),
    ({ revision }) => [`revision ${revision}`],
  )

  await transcript.step(
    'Where are the values? Search every byte of the folder',
    'grep -r sk-',
    () => findIn(folder, [FIRST, SECOND, THIRD]),
    found => [
      found.length === 0 ? 'in no file: not in the database, not in the audit trail, not in the store in the clear' : `FOUND in ${found.join(', ')}`,
    ],
  )

  await transcript.step(
    'Upkeep: what is kept no longer is destroyed by the queue, never by a writer',
    'registry.maintain()',
    () => registry.maintain(),
    ({ destroyed, backlog }) => [`destroyed ${destroyed}, left to do ${backlog}`],
  )

  await transcript.step(
    'The audit trail',
    'secrets.audit()',
    () => Array.fromAsync(secrets.audit()),
    entries => [
      `${entries.length} entries`,
      ...transcript.table([
        ['#', 'time', 'who', 'action', 'outcome', 'hash'],
        ...entries.map(({ sequence, at, actor, action, outcome, hash }) => [
          String(sequence),
          time(at),
          actor.id,
          action,
          outcome,
          `${hash.slice(0, 12)}…`,
        ]),
      ]),
    ],
  )
  await transcript.step(
    'Is the trail whole?',
    'verifyAudit(secrets.audit())',
    () => verifyAudit(secrets.audit()),
    verdict => [
      verdict.ok ? `yes: ${verdict.entries} entries, each hash follows from the one before` : `NO: ${verdict.problem} at ${verdict.sequence}`,
    ],
  )

  await transcript.step(
    'Delete',
    'secrets.delete(record.id)',
    () => secrets.delete(record.id),
    () => ['gone from the database and from the store'],
  )
  await transcript.step(
    'Read once more',
    "values.read({ key: 'openai-api-key' })",
    () => values.read({ key: 'openai-api-key' }).catch((error: unknown) => error),
    error => [`refused, as it should be: ${error instanceof Error ? error.message : 'IT WAS NOT'}`],
  )
  transcript.title('That is all. The folder is removed again.', 'Next: README.md has the 15 lines that embed it; docs/ has the rest.')
} finally {
  await place.stop()
  await rm(folder, { recursive: true, force: true })
}

async function findIn(directory: string, needles: readonly string[]): Promise<readonly string[]> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter(file => file.isFile())
  const found = await Promise.all(
    files.map(async file => {
      const bytes = await readFile(join(file.parentPath, file.name))
      return needles.some(needle => bytes.includes(needle)) ? [file.name] : []
    }),
  )
  return found.flat()
}
