import type { IncomingMessage } from 'node:http'
import type { Wire } from './backend.ts'

/** A server of other hands with a proxy before it that breaks the wire. `operationOf` names a request. */
export async function proxied(
  upstream: string,
  operationOf: (request: IncomingMessage) => string,
): Promise<{ readonly url: string; readonly wire: Wire; readonly stop: () => Promise<void> }> {
  const { startFaultProxy } = await import('@strongroom/emulators')
  const seen: string[] = []
  const { url, inject, clearFaults, stop } = await startFaultProxy(upstream, {
    operationOf: request => {
      const name = operationOf(request)
      seen.push(name)
      return name
    },
  })
  const wire: Wire = {
    inject,
    clearFaults,
    requests: () => seen.splice(0),
    // The proxy passes it on to another process, which takes a moment.
    landed: () => new Promise(resolve => setTimeout(resolve, 150)),
  }
  return { url, wire, stop }
}
