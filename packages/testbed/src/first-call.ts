import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface FirstCall {
  /** Files of the SDK that were loaded before the first call, and after it. */
  readonly before: number
  readonly after: number
  /** How the call ended, at an endpoint where nobody listens. */
  readonly code: unknown
  readonly effect: unknown
}

/**
 * Imports an adapter in a process of its own, makes its driver and its store, and asks for a secret. Module hooks there see every
 * file that is loaded, by `import` and by `require`.
 * @param entry the adapter's `index.ts`
 * @param name what its factories begin with: `aws` for `awsDriver` and `awsSecretStore`
 * @param sdk what the addresses of the SDK's files have in them
 */
export async function firstCall(entry: URL, name: string, options: object, sdk: RegExp): Promise<FirstCall> {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        if (${String(sdk)}.test(url)) loaded.push(url)
        return next(url, context)
      },
    })
    const { ${name}Driver: driver, ${name}SecretStore: storeOf } = await import(${JSON.stringify(entry.href)})
    const options = ${JSON.stringify(options)}
    driver(options).classify(new Error('x'))
    await using store = storeOf(options, { attempts: 1 })
    const unused = storeOf(options)
    await unused.close()
    const before = loaded.length
    const error = await store.get('a').catch(error => error)
    process.stdout.write(JSON.stringify({ before, after: loaded.length, code: error.code, effect: error.effect }))
  `
  const { stdout } = await run(process.execPath, ['--conditions=@strongroom/source', '--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
  })
  return JSON.parse(stdout) as FirstCall
}
