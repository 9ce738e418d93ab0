import { ConfigError } from '../config/problems.ts'

/** Loads an adapter's package, once it is named. @throws ConfigError with the command that installs it */
export async function loadPackage<Module>(source: string, path: string, name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${name}'`)
    if (!isMissing) throw error
    throw new ConfigError(source, [
      { path, found: `a type whose package is not installed: npm install ${name}`, allowed: `a type whose package is installed` },
    ])
  }
}
