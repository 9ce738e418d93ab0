import { posix } from 'node:path'
import type { NativePath, SecretDriver } from '@strongroom/core'
import { BackendFault } from '../memory-harness.ts'
import type { FaultyDriver } from './faulty-driver.ts'

/** A driver whose client makes another path of the one that it is given. */
function taking(change: (path: string, longest: number) => string): FaultyDriver['mutate'] {
  return driver => {
    const other = <Request extends { readonly path: NativePath }>(request: Request): Request => ({
      ...request,
      path: change(request.path, driver.capabilities.maxPathLength) as NativePath,
    })
    return {
      ...driver,
      create: (request, call) => driver.create(other(request), call),
      append: (request, call) => driver.append(other(request), call),
      promote: (request, call) => driver.promote(other(request), call),
      read: (request, call) => driver.read(other(request), call),
      versions: (request, call) => driver.versions(other(request), call),
      destroyVersion: (request, call) => driver.destroyVersion(other(request), call),
      remove: (request, call) => driver.remove(other(request), call),
      restore: (request, call) => driver.restore(other(request), call),
    }
  }
}

/** Refuses a path before the network, as what a backend cannot hold. */
class NotAPath extends Error {}

function refusing(isRefused: (path: string) => boolean, operations: readonly (keyof SecretDriver)[]): FaultyDriver['mutate'] {
  return driver => {
    const calls = operations.map(operation => [
      operation,
      async (request: { readonly path: NativePath }, call: object): Promise<unknown> => {
        if (isRefused(request.path)) throw new NotAPath()
        return await (driver[operation] as (request: object, call: object) => Promise<unknown>)(request, call)
      },
    ])
    return {
      ...driver,
      ...(Object.fromEntries(calls) as Partial<SecretDriver>),
      classify: error => (error instanceof NotAPath ? { code: 'invalid_argument', retryable: false, effect: 'none' } : driver.classify(error)),
    }
  }
}

const ALL = ['create', 'append', 'promote', 'read', 'versions', 'destroyVersion', 'remove', 'restore'] as const

export const faultyInPaths: readonly FaultyDriver[] = [
  { name: 'puts paths into URLs, which resolve dots', catches: 'native/dot-dot', mutate: taking(path => posix.normalize(path)) },
  { name: 'drops the slash at the end of a path', catches: 'native/trailing-slash', mutate: taking(path => path.replace(/\/$/, '')) },
  { name: 'puts paths into URLs without encoding them', catches: 'native/question-mark', mutate: taking(path => path.replace(/[?#].*$/s, '')) },
  {
    name: 'decodes what was never encoded',
    catches: 'native/encoded-slash',
    mutate: taking(path => path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))),
  },
  { name: 'encodes spaces as forms do', catches: 'native/space', mutate: taking(path => path.replaceAll(' ', '+')) },
  { name: 'composes letters', catches: 'native/decomposed', mutate: taking(path => path.normalize('NFC')) },
  { name: 'makes UTF-8 of half a character', catches: 'native/lone-surrogate', mutate: taking(path => path.toWellFormed()) },
  { name: 'takes a backslash for a slash', catches: 'native/backslash', mutate: taking(path => path.replaceAll('\\', '/')) },
  { name: 'cuts off what looks like the end of an ARN', catches: 'native/suffix-of-an-arn', mutate: taking(path => path.replace(/-[a-z]{6}$/, '')) },
  { name: 'cuts paths off at the greatest length', catches: 'native/one-too-long', mutate: taking((path, longest) => path.slice(0, longest)) },
  {
    name: 'lists paths in another form than they are written in',
    catches: 'native/emoji',
    mutate: driver => ({
      ...driver,
      list: async (request, call) => {
        const { items, next } = await driver.list(request, call)
        return { items: items.map(item => ({ ...item, path: encodeURI(item.path.toWellFormed()) as NativePath })), next }
      },
    }),
  },
  {
    name: 'refuses to write what it reads',
    catches: 'native/star',
    mutate: refusing(path => path.includes('*'), ['create']),
  },
  {
    name: 'refuses to read what it writes',
    catches: 'native/tab',
    mutate: refusing(path => path.includes('\t'), ['read']),
  },
  {
    name: 'asks the backend before it refuses',
    catches: 'native/semicolon',
    capabilities: { maxBatch: 1 },
    mutate: (driver, backend, wire) => {
      const refused = refusing(path => path.includes(';'), ALL)(driver, backend, wire)
      const { append } = refused
      return {
        ...refused,
        append: async (request, call) => {
          await driver.list({ prefix: request.path, withLabels: false, page: undefined }, call)
          return await append(request, call)
        },
      }
    },
  },
  {
    name: 'says of an outsider’s path that it does not know what is wrong',
    catches: 'native/bare-words',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        if (request.path === 'sys/health') throw new BackendFault('broken')
        return await driver.versions(request, call)
      },
    }),
  },
  {
    name: 'takes the full path for the path',
    catches: 'native/full-path-is-no-second-name',
    mutate: (driver, backend, wire) => {
      const short = taking(path => path.replace(/^arn:/, ''))(driver, backend, wire)
      return {
        ...short,
        create: async (request, call) => {
          const { version, fullPath } = await driver.create(request, call)
          return { version, fullPath: `arn:${fullPath}` }
        },
      }
    },
  },
]
