// One of our emulators in a process of its own, so that it takes no time of the measured one.
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator } from '@strongroom/emulators/gcp'

const starts: Readonly<Record<string, () => Promise<object>>> = {
  gcp: async () => {
    const { grpcPort, projectId } = await startGcpEmulator()
    return { grpcPort, projectId }
  },
  azure: async () => {
    const azure = await startAzureEmulator()
    return { vaultUrl: azure.vaultUrl, ca: azure.ca, token: azure.issueToken() }
  },
}

const start = starts[process.argv[2] ?? '']
if (start === undefined) throw new Error(`one of ${Object.keys(starts).join(', ')}`)
process.send?.(await start())
// Without the process that measures there is nothing to serve.
process.on('disconnect', () => process.exit())
