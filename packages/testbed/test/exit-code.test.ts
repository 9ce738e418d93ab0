import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('a process that has used PostgreSQL ends with its own code', { timeout: 90_000 }, async () => {
  const script = join(import.meta.dirname, 'postgres-and-end.ts')
  const child = spawn(process.execPath, ['--conditions=@strongroom/source', script], { stdio: 'inherit' })
  expect(await once(child, 'close')).toEqual([7, null])
})
