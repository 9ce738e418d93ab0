import type { VersionId } from '@strongroom/core'
import { dateText, printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { withAccount } from '../session.ts'

export async function versions(key: string, options: AccountOptions): Promise<void> {
  await withAccount(options, async (secrets, { signal }) => {
    const { id } = await secrets.describe({ key }, { signal })
    const kept = await secrets.versions(id, { signal })
    if (options.json === true) return printJson(kept)
    const rows = kept.map(({ version, revision, committedAt, committedBy, committed }) => [
      version,
      revision,
      dateText(committedAt),
      committedBy.id,
      committed ? 'committed' : '',
    ])
    printTable(['VERSION', 'REVISION', 'AT', 'BY', ''], rows)
  })
}

export async function rollback(
  key: string,
  version: string,
  options: AccountOptions & { readonly ifRevision?: number; readonly putAgain?: boolean },
): Promise<void> {
  await withAccount(options, async (secrets, { room, account, actor, signal }) => {
    const { id } = await secrets.describe({ key }, { signal })
    const given = { signal, ...(options.ifRevision !== undefined && { ifRevision: options.ifRevision }) }
    const { record, outsiders } =
      options.putAgain === true
        ? await (await room.migrator(actor)).rollback(account, id, version as VersionId, given)
        : await secrets.rollback(id, version as VersionId, given)
    if (options.json === true) return printJson({ record, outsiders })
    const told = outsiders === 'follow' ? 'follow' : 'still see the newest version: --put-again makes them follow'
    process.stdout.write(`${record.key} is at revision ${record.revision}; readers outside this library ${told}\n`)
  })
}
