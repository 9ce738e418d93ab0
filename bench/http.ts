// The HTTP API on SQLite, beside a bare Hono handler over the same rows; and how long `strongroom serve` takes to start.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { load, percentile, type Load } from './load.ts'
import { alternately, NONE, print, rateRow, type Row } from './measure.ts'

const COUNT = 10_000
const CONNECTIONS = 64
const GOAL = 0.6
const MAX_SPREAD = 4
const MAX_START_MS = 400
const MAX_GROWTH = 0.1
const MIXED_SECONDS = 300

interface Sides {
  readonly ours: number
  readonly bare: number
  readonly ids: readonly string[]
}

interface Server extends AsyncDisposable {
  readonly sides: Sides
  heap(): Promise<number>
}

async function startServer(): Promise<Server> {
  // The second flag is set by `strongroom serve` itself.
  const flags = ['--expose-gc', '--no-allocation-site-pretenuring']
  const child = spawn(process.execPath, [...flags, fileURLToPath(new URL('http-server.ts', import.meta.url)), String(COUNT)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value)) as unknown
  return {
    sides: (await line()) as Sides,
    async heap() {
      child.stdin.write('\n')
      return ((await line()) as { readonly heapUsed: number }).heapUsed
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

const HEAD = 'Host: 127.0.0.1\r\nX-Api-Key: bench\r\nX-Selected-Account-Id: acme\r\n'
const request = (method: string, path: string): string => `${method} /v5/sgp/secrets${path} HTTP/1.1\r\n${HEAD}\r\n`
const get = (path: string): string => request('GET', path)
const write = (method: string, path: string, body: object): string => {
  const text = JSON.stringify(body)
  return `${method} /v5/sgp/secrets${path} HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`
}

export async function http(): Promise<readonly Row[]> {
  return [...(await throughput()), await start()]
}

async function throughput({ seconds = 4, rounds = 5 } = {}): Promise<readonly Row[]> {
  await using server = await startServer()
  const { ours, bare, ids } = server.sides
  let turn = 0
  const requests: Readonly<Record<string, () => string>> = {
    get: () => get(`/${ids[Math.floor(turn++ / 2) % ids.length]}`),
    'page of 100': () => get('?limit=100'),
  }
  const rows: Row[] = []
  for (const [name, next] of Object.entries(requests)) {
    const rates = new Map<number, number[]>([
      [ours, []],
      [bare, []],
    ])
    const good = async (more: Pick<Load, 'port'> & Partial<Load>) => {
      const loaded = await load({ connections: CONNECTIONS, seconds, next, ...more })
      if ([...loaded.statuses.keys()].join() !== '200') throw new Error(`${name}: ${JSON.stringify([...loaded.statuses])}`)
      return loaded
    }
    if ((await textOf(ours, next())) !== (await textOf(bare, next()))) throw new Error(`${name}: the two sides do not answer the same`)
    for (const port of [ours, bare]) await good({ port, seconds: 1 })
    for (let round = 0; round < rounds; round += 1) {
      for (const port of round % 2 === 0 ? [ours, bare] : [bare, ours]) rates.get(port)?.push((await good({ port })).rate)
    }
    const median = (port: number): number =>
      percentile(
        (rates.get(port) ?? []).toSorted((a, b) => a - b),
        0.5,
      )
    rows.push(rateRow(`HTTP: ${name}, beside a bare Hono handler`, median(ours) / 1000, median(bare) / 1000, GOAL))
    // What is compiled for as much as can be had is compiled again for less: fewer requests are answered together.
    for (const port of [ours, bare]) {
      const half = { port, rate: median(port) / 2, seconds: seconds * 2 }
      await good(half)
      const { times } = await good(half)
      const [middle, p99] = [percentile(times, 0.5), percentile(times, 0.99)]
      rows.push({
        what: `HTTP: ${name} at half that load, p99 beside the median${port === ours ? '' : ', of the bare handler'}`,
        ours: `${p99.toFixed(2)} ms`,
        baseline: `${middle.toFixed(2)} ms`,
        difference: `× ${(p99 / middle).toFixed(2)}`,
        goal: port === ours ? `≤ × ${MAX_SPREAD}` : NONE,
        reached: port === ours ? p99 / middle <= MAX_SPREAD : undefined,
      })
    }
  }
  return rows
}

/** The body of an answer. */
async function textOf(port: number, request: string): Promise<string> {
  const [, target = ''] = request.split(' ')
  const headers = { 'x-api-key': 'bench', 'x-selected-account-id': 'acme' }
  return await (await fetch(`http://127.0.0.1:${port}${target}`, { headers })).text()
}

/** Five minutes of everything at once: no error, and no memory that stays. */
export async function mixed(seconds: number = MIXED_SECONDS): Promise<readonly Row[]> {
  await using server = await startServer()
  const { ours: port, ids } = server.sides
  let turn = 0
  const made: string[] = []
  const next = (): string => {
    turn += 1
    const id = ids[turn % ids.length]
    switch (turn % 10) {
      case 0:
        return write('POST', '', { key: `mixed-${process.pid}-${turn}`, value: 'v' })
      case 1:
        return write('PATCH', `/${id}`, { description: `at ${turn}` })
      case 2:
        return get('?limit=100&sort_by=key')
      case 3:
        return get(`?limit=10&starting_after=${id}`)
      case 4:
        // As many as are made, a little later: what the store holds is no measure of what the server keeps.
        return made.length > 100 ? request('DELETE', `/${made.shift()}`) : get(`/${id}`)
      default:
        return get(`/${id}`)
    }
  }
  const onAnswer = (body: string): void => {
    const [, id] = /^{"id":"([^"]+)".*"key":"mixed-/.exec(body) ?? []
    if (id !== undefined) made.push(id)
  }
  const part = async (length: number) => await load({ port, connections: 16, seconds: length, next, onAnswer })
  const first = await part(seconds / 5)
  const before = await server.heap()
  const second = await part((seconds * 4) / 5)
  const after = await server.heap()
  const statuses = [...first.statuses, ...second.statuses]
  const wrong = statuses.flatMap(([status, count]) => (status === 200 || status === 204 ? [] : [`${count} × ${status}`]))
  const growth = after / before - 1
  return [
    {
      what: `HTTP: ${seconds} s of mixed load, errors`,
      ours: wrong.length === 0 ? '0' : wrong.join(', '),
      baseline: `${statuses.reduce((sum, [, count]) => sum + count, 0)} answers`,
      difference: `${second.rate.toFixed(0)} /s`,
      goal: '0',
      reached: wrong.length === 0,
    },
    {
      what: `HTTP: heap after them, beside after a fifth of them`,
      ours: `${(after / 1e6).toFixed(2)} MB`,
      baseline: `${(before / 1e6).toFixed(2)} MB`,
      difference: `${growth >= 0 ? '+' : '-'} ${(Math.abs(growth) * 100).toFixed(1)} %`,
      goal: `within ${MAX_GROWTH * 100} %`,
      reached: growth <= MAX_GROWTH,
    },
  ]
}

/** From the start of the process to the first request that it could take, with the AWS store configured. */
async function start({ rounds = 15 } = {}): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  try {
    const config = join(folder, 'strongroom.yaml')
    const key = `{ sha256: "${'0'.repeat(64)}", identity: { id: ada, type: user }, accounts: [acme] }`
    const store = 'stores: { main: { type: aws, region: eu-west-1, accountId: "123456789012" } }'
    await writeFile(config, `${store}\nmetadata: { type: sqlite, path: ./meta.db }\nauthorization: []\nhttp: { apiKeys: [${key}] }\n`)
    const main = fileURLToPath(new URL('cli/main.js', import.meta.resolve('strongroom')))
    const empty = fileURLToPath(new URL('empty.mjs', import.meta.url))
    const run = (args: readonly string[]): ChildProcess => spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    const medians = await alternately(
      {
        ours: async () => {
          const child = run([main, '--config', config, 'serve', '--port', '0'])
          if (child.stdout === null) throw new Error('no pipe')
          const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as unknown[]
          if (!Buffer.isBuffer(line)) throw new Error(`serve ended with ${String(line)}`)
          child.kill('SIGKILL')
        },
        baseline: async () => void (await once(run([empty]), 'exit')),
      },
      { rounds, warmUp: 2 },
    )
    const more = medians.ours - medians.baseline
    return {
      what: '`strongroom serve` with an AWS store, until it listens, beside an empty Node process',
      ours: `${medians.ours.toFixed(0)} ms`,
      baseline: `${medians.baseline.toFixed(0)} ms`,
      difference: `+ ${more.toFixed(0)} ms`,
      goal: `≤ + ${MAX_START_MS} ms`,
      reached: more <= MAX_START_MS,
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

if (import.meta.main) print(process.argv.includes('mixed') ? await mixed() : await http())
