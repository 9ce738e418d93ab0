import type { Schemes } from '../parts/drivers.ts'
import { checkConfig, type CheckedConfig } from './check.ts'
import { readConfig } from './read.ts'

/** A configuration that has been read and checked. */
export interface LoadedConfig {
  /** For messages: the file, or in words. */
  readonly source: string
  /** What relative paths are relative to. */
  readonly folder: string
  readonly checked: CheckedConfig
  /** Types of stores that a program brings, the configuration's own and those given. */
  readonly schemes: Schemes
}

/** @throws ConfigError, with every problem and its place */
export async function loadConfig(
  given: string | object | undefined,
  environment: NodeJS.ProcessEnv,
  more: Schemes | undefined = {},
): Promise<LoadedConfig> {
  const { source, folder, config, schemes: own } = await readConfig(given, environment)
  const schemes = { ...own, ...more }
  return { source, folder, checked: checkConfig(source, config, environment, Object.keys(schemes)), schemes }
}
