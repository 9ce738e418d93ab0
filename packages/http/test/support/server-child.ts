// A server of its own process, until its standard input ends: it prints its port, and how much memory it has when it is asked by a line.
import { createInterface } from 'node:readline'
import { startService } from './service.ts'

const statuses = new Map<number, number>()
const service = await startService({ onRequest: ({ status }) => void statuses.set(status, (statuses.get(status) ?? 0) + 1) })
process.stdout.write(`${service.server.port}\n`)
for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify({ rss: process.memoryUsage.rss(), statuses: Object.fromEntries(statuses) })}\n`)
}
await service[Symbol.asyncDispose]()
