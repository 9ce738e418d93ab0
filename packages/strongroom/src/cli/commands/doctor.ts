import { examine } from '../doctor/examine.ts'
import type { Power } from '../doctor/report.ts'
import { printReport } from '../doctor/text.ts'
import { ConfigError } from '../../config/problems.ts'
import { EXIT } from '../failure.ts'
import { printJson } from '../output.ts'
import type { GlobalOptions } from '../program.ts'
import { startProgress } from '../progress.ts'

const END_MS = 2_000

export async function doctor(options: GlobalOptions & { readonly store?: string; readonly write?: boolean; readonly for: Power }): Promise<void> {
  const { config, store, write = false, for: power, json } = options
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  // A second one ends it where it is; the next run finds what is left then.
  process.once('SIGINT', stop).once('SIGTERM', stop)
  // How many calls there will be depends on what they answer.
  using progress = startProgress({ label: 'doctor', unit: 'calls', json })
  try {
    const onCall = (): void => progress.add()
    const report = await examine({ config, store, write, power, signal: stopping.signal, environment: process.env, onCall })
    progress.stop()
    const { source, problems } = report.configuration
    if (stopping.signal.aborted) process.exitCode = EXIT.interrupted
    else if (problems.length > 0) process.exitCode = EXIT.configuration
    else if (!report.ok) process.exitCode = EXIT.failed
    if (json === true) printJson(report)
    else if (problems.length > 0) throw new ConfigError(source, problems)
    else printReport(report)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    // A call that never ends, which has been told as such, would keep the process alive. The timer itself does not.
    setTimeout(() => process.exit(), END_MS).unref()
  }
}
