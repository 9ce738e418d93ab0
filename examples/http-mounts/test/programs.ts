import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

const { arch, env, platform } = process
const PACKAGES = {
  bun: { name: `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, file: 'bin/bun' },
  deno: { name: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, file: 'deno' },
}
export type Runtime = keyof typeof PACKAGES

/** The runtime's own program: that of its npm package, or else the machine's. */
export function programOf(runtime: Runtime): string | undefined {
  const ofMachine = (env['PATH'] ?? '').split(delimiter).map(folder => join(folder, runtime))
  return [packaged(runtime), ...ofMachine].find(program => program !== undefined && existsSync(program))
}

/** Each npm package has the program in another one, for one platform; no install script needs to run. */
function packaged(runtime: Runtime): string | undefined {
  const { name, file } = PACKAGES[runtime]
  try {
    const own = createRequire(createRequire(import.meta.url).resolve(`${runtime}/package.json`))
    return join(dirname(own.resolve(`${name}/package.json`)), file)
  } catch {
    return undefined // it is not installed, or there is none for this platform
  }
}
