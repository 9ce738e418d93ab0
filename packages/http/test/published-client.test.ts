import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingProgram, python, suiteTitle } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { runProgram } from './support/program.ts'
import { KEY, startService } from './support/service.ts'

// The published Python client of the v5 API, which no one here wrote.

const [installed] = globSync(join(python, '..', '..', 'lib', 'python*', 'site-packages', 'scale_gp_beta', '__init__.py'))
const missing = missingProgram(installed, 'scale-gp-beta')
const script = fileURLToPath(new URL('published-client/use_secrets.py', import.meta.url))

describe.skipIf(missing !== undefined)(suiteTitle('the published Python client', missing), () => {
  it('creates, shows, lists, pages both ways, updates, deletes, and has its own errors', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-published-'))
    try {
      const requests: string[] = []
      await using service = await startService({ onRequest: ({ method, route, status }) => void requests.push(`${method} ${route} ${status}`) })
      const { code, output } = await runProgram(python, ['-W', 'ignore', script, service.url, KEY], { cwd: folder, env: {}, timeout: 110_000 })
      expect({ code, output: code === 0 ? output.trim().split('\n').at(-1) : output }).toEqual({ code: 0, output: 'all as it should be' })
      // A refusal that no repetition mends is not repeated.
      expect(requests.filter(request => request === 'POST /v5/sgp/secrets 409').length).toBe(1)
      expect(requests.some(request => / 5\d\d$/.test(request))).toBe(false)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
