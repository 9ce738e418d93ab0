import { access, readFile } from 'node:fs/promises'
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { foundText, ConfigError } from './problems.ts'
import { isPlainObject } from './interpolate.ts'
import { BadShorthand, metadataOfUrl } from './shorthand.ts'
import type { Schemes } from '../parts/drivers.ts'

/** A configuration as it was given, before it is checked. */
export interface RawConfig {
  /** For messages: the file, or in words. */
  readonly source: string
  /** What relative paths are relative to. */
  readonly folder: string
  readonly config: unknown
  /** Types of stores that a program brings: its export `schemes`. */
  readonly schemes: Schemes
}

/** Files of data; the others are programs. */
export const DATA_NAMES = ['strongroom.yaml', 'strongroom.yml', 'strongroom.json']
const NAMES = [...DATA_NAMES, 'strongroom.config.ts', 'strongroom.config.js', 'strongroom.config.mjs']
const CODE = new Set(['.ts', '.mts', '.js', '.mjs'])

/**
 * Without an argument: the file that `STRONGROOM_CONFIG` names, or the store of `STRONGROOM_STORE`, or the file of the usual name in
 * the working folder.
 * @throws ConfigError
 */
export async function readConfig(given: string | object | undefined, environment: NodeJS.ProcessEnv): Promise<RawConfig> {
  if (typeof given === 'string') return await readFileConfig(given)
  if (given !== undefined) return { source: 'the configuration given', folder: process.cwd(), config: given, schemes: {} }
  const { STRONGROOM_CONFIG: file, STRONGROOM_STORE: store, STRONGROOM_METADATA: metadata, STRONGROOM_ID: id } = environment
  if (file !== undefined && file !== '') return await readFileConfig(file)
  if (store !== undefined && store !== '') {
    const config = {
      ...(id && { id }),
      stores: { main: store },
      writeTo: 'main',
      ...(metadata && { metadata: metadataOfEnvironment(metadata, environment) }),
    }
    return { source: 'the environment', folder: process.cwd(), config, schemes: {} }
  }
  for (const name of NAMES) if (await isThere(name)) return await readFileConfig(name)
  const allowed = `one of ${NAMES.join(', ')}, or STRONGROOM_CONFIG with a file, or STRONGROOM_STORE with a store’s URL`
  throw new ConfigError('no configuration', [{ path: '', found: 'none in the working folder', allowed }])
}

/** A URL with a password is in a variable already, where a file would name it: nothing else can be said there in its place. */
function metadataOfEnvironment(text: string, { DATABASE_URL: url }: NodeJS.ProcessEnv): unknown {
  if (/^postgres(?:ql)?:\/\//.test(text)) return { type: 'postgres', url: { env: 'STRONGROOM_METADATA' } }
  if (text === 'postgres') return { type: 'postgres', ...(url && { url: { env: 'DATABASE_URL' } }) }
  try {
    return metadataOfUrl(text)
  } catch (error) {
    if (!(error instanceof BadShorthand)) throw error
    const allowed = 'sqlite:./file, sqlite:///file, memory:, postgres (by DATABASE_URL, or PGHOST and the like), or postgres://…'
    throw new ConfigError('the environment', [{ path: 'STRONGROOM_METADATA', found: foundText(text, ''), allowed }])
  }
}

async function readFileConfig(path: string): Promise<RawConfig> {
  const file = resolve(path)
  const extension = extname(file)
  const read = CODE.has(extension) ? await codeOf(path, file) : { config: await dataOf(path, file, extension), schemes: {} }
  return { source: path, folder: dirname(file), ...read }
}

/** A program of the user's own: the only form that may bring code with it. */
async function codeOf(path: string, file: string): Promise<Pick<RawConfig, 'config' | 'schemes'>> {
  const module = (await import(pathToFileURL(file).href).catch((error: unknown) => {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    const found = isMissing ? missingText(file, error.message) : 'a program that fails when it is loaded'
    throw new ConfigError(path, [{ path: '', found, allowed: 'a module whose default export is a configuration' }])
  })) as { readonly default?: unknown; readonly schemes?: unknown }
  const { default: config, schemes = {} } = module
  if (!isPlainObject(schemes) || !Object.values(schemes).every(make => typeof make === 'function'))
    throw new ConfigError(path, [{ path: 'schemes', found: foundText(schemes, ''), allowed: 'an object of functions, each of which makes a driver' }])
  if (isPlainObject(config)) return { config, schemes: schemes as Schemes }
  throw new ConfigError(path, [{ path: 'default', found: foundText(module.default, ''), allowed: 'a configuration as the default export' }])
}

/** Of Node's message only the name of what is missing, and of who imports it. */
function missingText(file: string, message: string): string {
  const [, missing = '', from] = /^Cannot find (?:module|package) '(.+)' imported from (.+)$/s.exec(message) ?? []
  if (missing === file) return 'no such file'
  const named = (path: string): string => (isAbsolute(path) ? relative(dirname(file), path) : path)
  const by = from === undefined || from === file ? 'a program' : `a program with ${named(from)}`
  return `${by} that imports ${missing === '' ? 'what is missing' : `${named(missing)}, which is missing`}`
}

async function dataOf(path: string, file: string, extension: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const found =
      code === 'ENOENT'
        ? 'no such file'
        : code === 'EACCES'
          ? 'a file that this process may not read'
          : code === 'EISDIR'
            ? 'a folder'
            : 'a file that cannot be read'
    throw new ConfigError(path, [{ path: '', found, allowed: 'a file in YAML or JSON, or a .ts or .js module' }])
  }
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const form = extension === '.json' ? 'JSON' : 'YAML'
  const mistake = (at: number, found: string): ConfigError => {
    const { line, col } = lines.linePos(at)
    return new ConfigError(path, [{ path: `line ${line}, column ${col}`, found, allowed: form }])
  }
  // No custom tags, no merging of other files: a file of data stays data. JSON is YAML too, which finds a name that stands there twice.
  const schema = form === 'JSON' ? 'json' : 'core'
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, customTags: [], uniqueKeys: true, schema })
  const [error] = document.errors
  if (error !== undefined) throw mistake(error.pos[0], form === 'JSON' ? jsonText(error.code) : yamlText(error.code))
  if (form === 'JSON') {
    try {
      return JSON.parse(text)
    } catch (thrown) {
      // Of its message only the place: it quotes the text.
      const at = / at position (\d+)/.exec(String(thrown))?.[1]
      const found = 'what YAML has and JSON has not, such as a comment, a comma at the end or other quotation marks'
      throw at === undefined ? new ConfigError(path, [{ path: '', found, allowed: form }]) : mistake(Number(at), found)
    }
  }
  try {
    return document.toJS({ maxAliasCount: 20 })
  } catch {
    throw new ConfigError(path, [{ path: '', found: 'too many aliases, or one of nothing', allowed: 'at most 20 aliases' }])
  }
}

function jsonText(code: string): string {
  if (code === 'TAG_RESOLVE_FAILED') return 'text without quotation marks, or a comma that is missing after it'
  return code === 'DUPLICATE_KEY' ? yamlText(code) : 'a mistake'
}

function yamlText(code: string): string {
  if (code === 'DUPLICATE_KEY') return 'a name that stands there twice'
  if (code === 'BAD_INDENT') return 'a line that is not indented as the lines beside it'
  if (code === 'TAB_AS_INDENT') return 'a tab as indentation'
  return `a mistake (${code.toLowerCase().replaceAll('_', ' ')})`
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** A path of the configuration, from its folder. */
export function pathFrom(folder: string, path: string): string {
  return isAbsolute(path) ? path : resolve(folder, path)
}
