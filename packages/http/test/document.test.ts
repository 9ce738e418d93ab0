import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingProgram, python, suiteTitle } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { generatedDocument } from './support/generated-document.ts'
import { runProgram } from './support/program.ts'

const file = fileURLToPath(new URL('../openapi.json', import.meta.url))
const validator = join(dirname(python), 'openapi-spec-validator')
const missing = missingProgram(validator, 'openapi-spec-validator')

describe('openapi.json', () => {
  it('is what npm run generate would write', async () => {
    expect(readFileSync(file, 'utf8')).toBe(await generatedDocument())
  })

  it('has exactly the routes of the API', () => {
    const { openapi, paths } = JSON.parse(readFileSync(file, 'utf8')) as { readonly openapi: string; readonly paths: Record<string, object> }
    expect(openapi).toBe('3.1.0')
    expect(Object.entries(paths).map(([path, methods]) => `${path} ${Object.keys(methods).join()}`)).toEqual([
      '/v5/sgp/secrets post,get',
      '/v5/sgp/secrets/{secret_id} get,patch,delete',
      '/healthz get',
      '/readyz get',
    ])
  })

  it('has a value nowhere in an answer', () => {
    const { components } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly components: { readonly schemas: Record<string, { properties?: object }> }
    }
    const named = Object.entries(components.schemas).filter(([, { properties = {} }]) => 'value' in properties || 'value_base64' in properties)
    expect(named.map(([name]) => name).toSorted()).toEqual(['CreateSecret', 'UpdateSecret'])
  })
})

describe.skipIf(missing !== undefined)(suiteTitle('an independent validator', missing), () => {
  it('takes the document, and refuses one that is wrong', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-openapi-'))
    try {
      expect(existsSync(file)).toBe(true)
      const check = async (path: string) => await runProgram(validator, ['--schema', '3.1', path], { cwd: folder, env: {}, timeout: 60_000 })
      expect(await check(file)).toMatchObject({ code: 0, output: expect.stringContaining('OK') })
      const wrong = join(folder, 'wrong.json')
      const { writeFileSync } = await import('node:fs')
      writeFileSync(wrong, readFileSync(file, 'utf8').replace('"in": "path"', '"in": "nowhere"'))
      expect((await check(wrong)).code).not.toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
