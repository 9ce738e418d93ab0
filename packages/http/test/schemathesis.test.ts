import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingProgram, python, suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSecretsServer } from '../src/node/index.ts'
import { runProgram, type Output } from './support/program.ts'
import { KEY, startService } from './support/service.ts'

const program = join(dirname(python), 'st')
const missing = missingProgram(program, 'schemathesis')
const hooks = fileURLToPath(new URL('schemathesis/hooks.py', import.meta.url))
const TIMEOUT_MS = 240_000

describe.skipIf(missing !== undefined)(suiteTitle('schemathesis, with all its checks', missing), () => {
  let folder = ''
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'strongroom-schemathesis-'))))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const judge = async (url: string, cursor: string, more: readonly string[]): Promise<Output> => {
    const headers = ['-H', `x-api-key: ${KEY}`, '-H', 'x-selected-account-id: acme']
    // By itself it takes a relative server to be relative to the host, and not to the document.
    const args = ['run', `${url}/openapi.json`, '--url', url, '--checks', 'all', '--seed', '7', '--continue-on-failure', ...headers, ...more]
    return await runProgram(program, args, { cwd: folder, env: { SCHEMATHESIS_HOOKS: hooks, CURSOR: cursor }, timeout: TIMEOUT_MS })
  }

  it('finds nothing, in any of its phases', { timeout: TIMEOUT_MS + 10_000 }, async () => {
    const errors: unknown[] = []
    const statuses = new Map<number, number>()
    const onRequest = ({ status }: { readonly status: number }): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1)
    await using service = await startService({ withReader: true, unsafeOnError: error => errors.push(error), onRequest })
    const { id } = (await service.call('POST', '/v5/sgp/secrets', { key: 'the-cursor', value: 'x' })).json
    const { code, output } = await judge(service.url, id, ['--phases', 'examples,coverage,fuzzing,stateful', '--max-examples', '50'])
    expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' })
    const [, generated] = /(\d+) generated, \1 passed/.exec(output) ?? []
    expect(Number(generated), output).toBeGreaterThan(400)
    expect(errors).toEqual([])
    // It came as far as answers of each kind.
    for (const status of [200, 204, 401, 404, 405, 422]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0)
    expect([...statuses.keys()].filter(status => status >= 500)).toEqual([])
  })

  it('finds a server that answers otherwise than its document says', { timeout: TIMEOUT_MS + 10_000 }, async () => {
    await using service = await startService()
    const { id } = (await service.call('POST', '/v5/sgp/secrets', { key: 'the-cursor', value: 'x' })).json
    await using wrong = await startSecretsServer({
      fetch: async request => (request.method === 'DELETE' ? new Response('oops', { status: 500 }) : await service.app.fetch(request)),
    })
    const { code, output } = await judge(wrong.url, id, ['--phases', 'coverage', '--include-method', 'DELETE'])
    expect([code, output.includes('Server error')], output).toEqual([1, true])
  })
})
