import { verifyAudit } from '@strongroom/core'
import { EXIT } from '../failure.ts'
import { dateText, printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { withAccount } from '../session.ts'

export async function audit(options: AccountOptions & { readonly after: number; readonly verify?: boolean }): Promise<void> {
  await withAccount(options, async (secrets, { signal }) => {
    if (options.verify === true) {
      const verdict = await verifyAudit(secrets.audit({ signal }))
      if (!verdict.ok) process.exitCode = EXIT.failed
      if (options.json === true) return printJson(verdict)
      process.stdout.write(
        verdict.ok
          ? `${verdict.entries} entries, the chain holds, last hash ${verdict.lastHash}\n`
          : `entry ${verdict.sequence}: broken (${verdict.problem})\n`,
      )
      return
    }
    const entries = secrets.audit({ after: options.after, signal })
    if (options.json === true) {
      for await (const entry of entries) printJson(entry)
      return
    }
    const all = await Array.fromAsync(entries)
    printTable(
      ['NO', 'AT', 'ACTOR', 'ACTION', 'OUTCOME', 'KEY'],
      all.map(({ sequence, at, actor, action, outcome, code, key, secret }) => [
        sequence,
        dateText(at),
        actor.id,
        action,
        code === undefined ? outcome : `${outcome} (${code})`,
        key ?? secret,
      ]),
    )
  })
}
