import { randomUUID } from 'node:crypto'
import type { NativePath, Payload, SecretDriver, VersionId } from '@strongroom/core'
import type { FaultyDriver } from './faulty-driver.ts'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** Changes each value on its way in. */
function changing(driver: SecretDriver, change: (payload: Payload) => Payload): SecretDriver {
  return {
    ...driver,
    create: (request, call) => driver.create({ ...request, payload: change(request.payload) }, call),
    append: (request, call) => driver.append({ ...request, payload: change(request.payload) }, call),
  }
}

const folded = (path: NativePath): NativePath =>
  path.replaceAll(/--(4[1-9a-f]|5[0-9a])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)).toLowerCase()) as NativePath

export const faultyWrites: readonly FaultyDriver[] = [
  {
    name: 'create overwrites what exists',
    catches: 'create/existing-is-already-exists',
    mutate: driver => ({
      ...driver,
      create: async (request, call) => {
        try {
          return await driver.create(request, call)
        } catch (error) {
          if (driver.classify(error).code !== 'already_exists') throw error
          return { ...(await driver.append({ ...request, after: undefined, staged: false }, call)), fullPath: request.path }
        }
      },
    }),
  },
  {
    name: 'create looks, then writes, and says it is atomic',
    catches: 'create/one-of-many-wins',
    mutate: driver => ({
      ...driver,
      create: async (request, call) => {
        const found = await driver.versions({ path: request.path, after: undefined, page: undefined }, call).catch(() => undefined)
        try {
          return await driver.create(request, call)
        } catch (error) {
          if (found !== undefined) throw error
          return { ...(await driver.append({ ...request, after: undefined, staged: false }, call)), fullPath: request.path }
        }
      },
    }),
  },
  {
    name: 'create of a path that is said to be new sets no labels',
    catches: 'create/of-a-new-path',
    mutate: driver => ({
      ...driver,
      create: (request, call) => driver.create(request.isNew === true ? { ...request, labels: {} } : request, call),
    }),
  },
  {
    name: 'create overwrites what stands at a path that is said to be new',
    catches: 'create/of-a-path-that-is-not-new',
    mutate: driver => ({
      ...driver,
      create: async (request, call) => {
        try {
          return await driver.create(request, call)
        } catch (error) {
          if (request.isNew !== true) throw error
          return { ...(await driver.append({ ...request, after: undefined, staged: false }, call)), fullPath: request.path }
        }
      },
    }),
  },
  {
    name: 'create forgets its token, so that a repeat is refused',
    catches: 'create/same-token-answers-first-version',
    mutate: driver => ({ ...driver, create: (request, call) => driver.create({ ...request, token: randomUUID() }, call) }),
  },
  {
    name: 'append to what is missing creates it',
    catches: 'append/missing-is-not-found',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        try {
          return await driver.append(request, call)
        } catch (error) {
          if (driver.classify(error).code !== 'not_found') throw error
          return await driver.create({ ...request, labels: {} }, call)
        }
      },
    }),
  },
  {
    name: 'swallows the errors of appends',
    catches: 'append/missing-is-not-found',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => await driver.append(request, call).catch(() => ({ version: '1' as VersionId })),
    }),
  },
  {
    name: 'append ignores `after`',
    catches: 'append/after-an-older-is-conflict',
    mutate: driver => ({ ...driver, append: (request, call) => driver.append({ ...request, after: undefined }, call) }),
  },
  {
    name: 'append compares by looking first',
    catches: 'concurrency/compared-appends-one-wins',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        const { items } = await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
        const after = request.after !== undefined && items.at(-1)?.version === request.after ? undefined : request.after
        return await driver.append({ ...request, after }, call)
      },
    }),
  },
  {
    name: 'staging makes current',
    catches: 'append/staged-leaves-current-alone',
    mutate: driver => ({ ...driver, append: (request, call) => driver.append({ ...request, staged: false }, call) }),
  },
  {
    name: 'loses the token of an append',
    catches: 'append/token-is-found-in-versions',
    mutate: driver => ({ ...driver, append: (request, call) => driver.append({ ...request, token: randomUUID() }, call) }),
  },
  {
    name: 'takes the same value for the same version',
    catches: 'append/same-value-is-another-version',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        const current = await driver.read({ path: request.path, version: undefined }, call)
        if (decoder.decode(current.payload.bytes) === decoder.decode(request.payload.bytes)) return { version: current.version }
        return await driver.append(request, call)
      },
    }),
  },
  {
    name: 'answers before the write is durable',
    catches: 'out-of-band/writes-reach-the-backend',
    mutate: (driver, backend) => ({
      ...driver,
      append: async (request, call) => {
        const { items } = await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
        setTimeout(() => void backend.append({ ...request }, { ...call, signal: new AbortController().signal }).catch(() => {}), 20)
        return { version: String(items.length + 1) as VersionId }
      },
    }),
  },
  {
    name: 'promotes without comparing',
    catches: 'promote/wrong-from-is-conflict',
    mutate: driver => ({
      ...driver,
      promote: async (request, call) => {
        const { version } = await driver.read({ path: request.path, version: undefined }, call)
        await driver.promote({ ...request, from: version }, call)
      },
    }),
  },
  {
    name: 'compares in the process, and promotes for every racer',
    catches: 'promote/one-of-many-wins',
    mutate: (driver, backend) => ({
      ...driver,
      promote: async (request, call) => {
        const { version } = await driver.read({ path: request.path, version: undefined }, call)
        if (version !== request.from) return await driver.promote(request, call)
        await new Promise(resolve => setImmediate(resolve))
        const now = await backend.read({ path: request.path, version: undefined }, call)
        await backend.promote({ ...request, from: now.version }, call)
      },
    }),
  },
  {
    name: 'trims values',
    catches: 'values/nasty-texts-round-trip',
    mutate: driver =>
      changing(driver, ({ bytes, text }) => ({
        bytes: text ? encoder.encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).trim() || 'x') : bytes,
        text,
      })),
  },
  {
    name: 'eats the byte order mark',
    catches: 'values/nasty-texts-round-trip',
    mutate: driver => changing(driver, ({ bytes, text }) => ({ bytes: text ? encoder.encode(decoder.decode(bytes)) : bytes, text })),
  },
  {
    name: 'sends binary as UTF-8',
    catches: 'values/nasty-bytes-round-trip',
    mutate: driver => changing(driver, ({ bytes, text }) => ({ bytes: encoder.encode(decoder.decode(bytes)), text })),
  },
  {
    name: 'keeps Latin-1 of text',
    catches: 'values/nasty-texts-round-trip',
    mutate: driver => changing(driver, ({ bytes, text }) => ({ bytes: text ? Buffer.from(decoder.decode(bytes), 'latin1') : bytes, text })),
  },
  {
    name: 'normalises Unicode',
    catches: 'values/nasty-texts-round-trip',
    mutate: driver =>
      changing(driver, ({ bytes, text }) => ({
        bytes: text ? encoder.encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).normalize('NFC')) : bytes,
        text,
      })),
  },
  {
    name: 'parses and prints what looks like JSON',
    catches: 'values/nasty-texts-round-trip',
    mutate: driver =>
      changing(driver, ({ bytes, text }) => {
        try {
          return { bytes: encoder.encode(JSON.stringify(JSON.parse(decoder.decode(bytes)))), text }
        } catch {
          return { bytes, text }
        }
      }),
  },
  {
    name: 'takes binary for text when it can',
    catches: 'values/text-and-binary-are-told-apart',
    mutate: driver => changing(driver, ({ bytes }) => ({ bytes, text: Buffer.from(bytes).equals(Buffer.from(decoder.decode(bytes))) })),
  },
  {
    name: 'says that it keeps bytes alone and keeps more',
    catches: 'values/good-text-is-taken-for-text',
    mutate: driver => ({ ...driver, capabilities: { ...driver.capabilities, textForm: 'inferred' } }),
  },
  {
    name: 'cuts what is larger than it can hold',
    catches: 'values/native-maximum',
    mutate: driver => changing(driver, ({ bytes, text }) => ({ bytes: bytes.slice(0, 60_000), text })),
  },
  {
    name: 'cuts what is larger than it declares, without a word',
    catches: 'values/over-the-maximum-is-refused-or-kept',
    mutate: driver => changing(driver, ({ bytes, text }) => ({ bytes: bytes.slice(0, 65_536), text })),
  },
  {
    name: 'keeps the caller’s bytes',
    catches: 'values/the-callers-bytes-are-copied',
    mutate: driver => {
      const kept = new Map<string, Uint8Array>()
      return {
        ...driver,
        create: async (request, call) => {
          const answer = await driver.create(request, call)
          kept.set(`${request.path} ${answer.version}`, request.payload.bytes)
          return answer
        },
        read: async (request, call) => {
          const answer = await driver.read(request, call)
          const bytes = kept.get(`${request.path} ${answer.version}`) ?? answer.payload.bytes
          return { ...answer, payload: { ...answer.payload, bytes: bytes.slice() } }
        },
      }
    },
  },
  {
    name: 'wipes the caller’s bytes',
    catches: 'values/the-callers-request-is-left-alone',
    mutate: driver => ({
      ...driver,
      create: async (request, call) => {
        const answer = await driver.create(request, call)
        request.payload.bytes.fill(0)
        return answer
      },
    }),
  },
  {
    name: 'is blind to case, through a second encoding of its own',
    catches: 'names/driver-never-encodes',
    mutate: driver => ({
      ...driver,
      create: (request, call) => driver.create({ ...request, path: request.path.replaceAll('--', '_') as NativePath }, call),
    }),
  },
  {
    name: 'decodes paths and folds their case',
    catches: 'names/look-alikes-are-two-secrets',
    mutate: driver => {
      return {
        ...driver,
        create: (request, call) => driver.create({ ...request, path: folded(request.path) }, call),
        append: (request, call) => driver.append({ ...request, path: folded(request.path) }, call),
        read: (request, call) => driver.read({ ...request, path: folded(request.path) }, call),
        remove: (request, call) => driver.remove({ ...request, path: folded(request.path) }, call),
      }
    },
  },
  {
    name: 'cuts long paths',
    catches: 'names/longest-path-works',
    mutate: driver => ({ ...driver, create: (request, call) => driver.create({ ...request, path: request.path.slice(0, 255) as NativePath }, call) }),
  },
]
