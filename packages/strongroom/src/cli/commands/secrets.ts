import type { SecretRecord } from '@strongroom/core'
import { UsageError } from '../failure.ts'
import { dateText, printJson, printTable } from '../output.ts'
import { pagesOf } from '../pages.ts'
import type { AccountOptions } from '../program.ts'
import { withAccount } from '../session.ts'
import { valueInput } from '../value-input.ts'

export async function create(key: string, options: AccountOptions & { readonly file?: string; readonly description?: string }): Promise<void> {
  const { file, description } = options
  await withAccount(options, async (secrets, { room, signal }) => {
    show(
      await secrets.create({ key, value: await valueInput(file, room, signal), ...(description !== undefined && { description }) }, { signal }),
      options,
    )
  })
}

export async function list(options: AccountOptions & { readonly limit: number }): Promise<void> {
  await withAccount(options, async (secrets, { signal }) => {
    const records: SecretRecord[] = []
    let total = 0
    for await (const page of pagesOf(secrets, signal, options.limit)) {
      records.push(...page.items)
      total = page.total
    }
    if (options.json === true) return printJson({ items: records, total })
    const rows = records.map(({ key, revision, createdAt, updatedAt, description }) => [
      key,
      revision,
      dateText(createdAt),
      dateText(updatedAt),
      description,
    ])
    printTable(['KEY', 'REVISION', 'CREATED', 'UPDATED', 'DESCRIPTION'], rows)
    if (total > records.length) process.stderr.write(`${records.length} of ${total}\n`)
  })
}

export async function get(key: string, options: AccountOptions): Promise<void> {
  await withAccount(options, async (secrets, { signal }) => {
    show(await secrets.describe({ key }, { signal }), options)
  })
}

export async function update(
  key: string,
  options: AccountOptions & { readonly file?: string; readonly description?: string; readonly value?: boolean; readonly ifRevision?: number },
): Promise<void> {
  const { file, description, ifRevision } = options
  const hasValue = description === undefined || file !== undefined || options.value === true
  await withAccount(options, async (secrets, { room, signal }) => {
    const { id } = await secrets.describe({ key }, { signal })
    const change = {
      ...(hasValue && { value: await valueInput(file, room, signal) }),
      ...(description !== undefined && { description: description === '' ? null : description }),
    }
    show(await secrets.update(id, change, { signal, ...(ifRevision !== undefined && { ifRevision }) }), options)
  })
}

export async function remove(
  key: string,
  options: AccountOptions & { readonly ifRevision?: number; readonly purgeAdopted?: boolean },
): Promise<void> {
  if (key === '') throw new UsageError('which secret?')
  await withAccount(options, async (secrets, { signal }) => {
    const { id } = await secrets.describe({ key }, { signal })
    const { ifRevision, purgeAdopted } = options
    await secrets.delete(id, { signal, ifRevision, purgeAdopted })
    if (options.json === true) printJson({ deleted: id })
  })
}

function show(record: SecretRecord, { json }: AccountOptions): void {
  if (json === true) return printJson(record)
  const { id, key, description, revision, cloudSecretPath, createdAt, createdBy, updatedAt, updatedBy } = record
  printTable(
    ['FIELD', 'VALUE'],
    [
      ['key', key],
      ['id', id],
      ['description', description],
      ['revision', revision],
      ['path', cloudSecretPath],
      ['created', `${dateText(createdAt)} by ${createdBy.id}`],
      ['updated', updatedAt === null ? '' : `${dateText(updatedAt)} by ${updatedBy}`],
    ],
  )
}
