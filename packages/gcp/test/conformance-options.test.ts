import { describeDriver } from '@strongroom/conformance/vitest'
import { describe } from 'vitest'
import { onGcp, type Run } from './on-gcp.ts'

/** What is asked otherwise with these options. A file of its own, since each run of the kit waits for most of a minute. */
const runs: readonly Run[] = [
  { label: 'gcp-alias', transport: 'grpc', more: { versionAlias: 'live' } },
  // The metadata are not behind: the kit takes versions for seen at once, for which Google gives no promise. lag.test.ts has that.
  { label: 'gcp-lag', transport: 'grpc', more: { confirmReads: true }, lag: { latest: 500, lists: 500 }, options: { settleMs: 10_000 } },
]

describe.each(runs)('$label', run => describeDriver(...onGcp(run)))
