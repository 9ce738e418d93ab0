import type { MetadataStore, SecretDriver } from '@strongroom/core'

/** One call of a driver or a metadata store, on its way. */
export interface Step {
  readonly target: 'driver' | 'metadata'
  readonly method: string
  readonly index: number
}

type Around = (step: Step, call: () => Promise<unknown>) => Promise<unknown>

/** Puts `around` about every asynchronous method, so that a test can count calls, lose answers or stop the world. */
export function tracked<T extends SecretDriver | MetadataStore>(target: Step['target'], part: T, around: Around, counter: { next: number }): T {
  const plain = new Set(['classify', 'close'])
  return new Proxy(part, {
    get(source, name) {
      const value: unknown = Reflect.get(source, name)
      if (typeof value !== 'function' || typeof name !== 'string' || plain.has(name)) return value
      return (...parameters: unknown[]) => {
        const step = { target, method: name, index: counter.next }
        counter.next += 1
        return around(step, () => Reflect.apply(value, source, parameters) as Promise<unknown>)
      }
    },
  })
}

/** The backends that the clouds are like. */
export const FLAVOURS = {
  aws: { appendAfter: 'ignored', destroyVersion: 'detached' },
  google: { appendAfter: 'ignored', current: 'on_append', versionProof: 'position', remove: 'immediate', textForm: 'inferred', maxBatch: 1 },
  azure: { create: 'checked', appendAfter: 'ignored', current: 'on_append', destroyVersion: 'blocked' },
  vault: { current: 'on_append', versionProof: 'position', remove: 'immediate', maxBatch: 1 },
  local: {},
} as const
