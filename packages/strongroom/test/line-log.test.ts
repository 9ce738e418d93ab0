import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { LineLog } from '../src/cli/line-log.ts'

const turn = async (): Promise<void> => await new Promise(done => setImmediate(done))

it('of lines that nobody reads keeps as many as it may, and tells how many are lost', async () => {
  const written: string[] = []
  const waiting: (() => void)[] = []
  let reads = false
  const reader = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      written.push(chunk)
      if (reads) done()
      else waiting.push(done)
    },
  })
  const log = new LineLog(reader, { mostUnreadBytes: 1000 })
  for (let line = 0; line < 200; line += 1) {
    log.write({ line })
    await turn()
  }
  expect(reader.writableLength).toBeLessThan(1100)
  reads = true
  for (const done of waiting) done()
  await turn()
  log.write({ last: true })
  await turn()
  const lines = written
    .join('')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const kept = lines.filter(({ line }) => line !== undefined).length
  expect(kept).toBeGreaterThan(50)
  expect(lines.slice(-2)).toEqual([{ time: expect.any(String), event: 'lines_lost', lines: 200 - kept }, { last: true }])
})
