import { serve } from '../shared/http-server.ts'
import type { Context } from './context.ts'
import { GcpControls } from './gcp-controls.ts'
import { serveGrpc } from './grpc.ts'
import { Pages } from './pages.ts'
import { loadProtos } from './protos.ts'
import { restProtocol } from './rest.ts'
import { Store } from './state.ts'
import { projectNumberOf } from './status.ts'

export type { GcpControls as Controls, GcpLag as Lag } from './gcp-controls.ts'

/** Which project and region an emulator of Google Secret Manager is. */
export interface GcpEmulatorOptions {
  /** The project, which there is exactly one of; default `strongroom-test`. */
  readonly projectId?: string | undefined
  /** Makes it the endpoint of this region, such as `europe-west3`: names must have it. By default it has global and regional secrets. */
  readonly locationId?: string | undefined
}

/** An emulator of Google Secret Manager, on free ports of the loopback. */
export interface GcpEmulator {
  /** Of the REST API. */
  readonly url: string
  /** Of the gRPC API, without TLS. Both serve the same secrets. */
  readonly grpcPort: number
  readonly projectId: string
  /** The number that stands for the project in names that are answered. */
  readonly projectNumber: string
  readonly controls: GcpControls
  stop(): Promise<void>
}

/** Google Secret Manager v1 in this process, on two free ports of the loopback. */
export async function startGcpEmulator({ projectId = 'strongroom-test', locationId }: GcpEmulatorOptions = {}): Promise<GcpEmulator> {
  const protos = await loadProtos()
  const controls = new GcpControls()
  const project = { id: projectId, number: projectNumberOf(projectId) }
  const store = new Store(controls.clock, controls.lag)
  const context: Context = { project, locationId, store, controls, pages: new Pages() }
  const rest = await serve(restProtocol(context, protos), controls)
  const grpc = await serveGrpc(context, protos)
  return {
    url: rest.url,
    grpcPort: grpc.port,
    projectId,
    projectNumber: project.number,
    controls,
    stop: async () => {
      await Promise.all([rest.stop(), grpc.stop()])
    },
  }
}
