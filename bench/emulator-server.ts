// One of our emulators in a process of its own, so that it takes no time of the measured one.
import { startAwsEmulator } from '@strongroom/emulators/aws'
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator } from '@strongroom/emulators/gcp'

/** Milliseconds by which every answer comes later. */
const latencyMs = Number(process.argv[3] ?? 0)

interface Controls {
  readonly inject: (fault: { readonly kind: 'delay'; readonly ms: number }, options: { readonly count: number }) => void
}

function late<Emulator extends { readonly controls: Controls }>(emulator: Emulator): Emulator {
  if (latencyMs > 0) emulator.controls.inject({ kind: 'delay', ms: latencyMs }, { count: Number.MAX_SAFE_INTEGER })
  return emulator
}

const starts: Readonly<Record<string, () => Promise<object>>> = {
  aws: async () => {
    const { url, region, accountId } = late(await startAwsEmulator())
    return { url, region, accountId }
  },
  gcp: async () => {
    const { grpcPort, projectId } = late(await startGcpEmulator())
    return { grpcPort, projectId }
  },
  azure: async () => {
    const azure = late(await startAzureEmulator())
    return { vaultUrl: azure.vaultUrl, ca: azure.ca, token: azure.issueToken() }
  },
}

const start = starts[process.argv[2] ?? '']
if (start === undefined) throw new Error(`one of ${Object.keys(starts).join(', ')}`)
process.send?.(await start())
// Without the process that measures there is nothing to serve.
process.on('disconnect', () => process.exit())
