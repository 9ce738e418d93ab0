// oxlint-disable oxc/no-map-spread -- copies, since what the backend gave is not ours to change
import { randomUUID } from 'node:crypto'
import type { DriverVersion, VersionId } from '@strongroom/core'
import type { FaultyDriver } from './faulty-driver.ts'

export const faultyRemovals: readonly FaultyDriver[] = [
  {
    name: 'purges on every delete',
    catches: 'restore/brings-everything-back',
    mutate: driver => ({ ...driver, remove: (request, call) => driver.remove({ ...request, purge: true }, call) }),
  },
  {
    name: 'keeps what is purged',
    catches: 'remove/name-is-free-after-purge',
    mutate: driver => ({
      ...driver,
      remove: async (request, call) => {
        await driver.remove({ ...request, purge: false }, call).catch(() => {})
        return { state: 'gone' }
      },
    }),
  },
  {
    name: 'a purge takes the neighbours too',
    catches: 'remove/leaves-the-neighbours',
    mutate: driver => ({
      ...driver,
      remove: async (request, call) => {
        const { items } = await driver.list({ prefix: request.path, withLabels: false, page: undefined }, call)
        for (const { path } of items) await driver.remove({ ...request, path }, call)
        return await driver.remove(request, call)
      },
    }),
  },
  {
    name: 'restore loses versions',
    catches: 'restore/brings-everything-back',
    mutate: driver => ({
      ...driver,
      restore: async (request, call) => {
        await driver.restore(request, call)
        const { payload } = await driver.read({ ...request, version: undefined }, call)
        await driver.remove({ ...request, purge: true }, call)
        await driver.create({ ...request, payload, labels: {}, token: randomUUID() }, call)
      },
    }),
  },
  {
    name: 'restores what never was',
    catches: 'restore/missing-is-not-found',
    mutate: driver => ({ ...driver, restore: async (request, call) => await driver.restore(request, call).catch(() => {}) }),
  },
  {
    name: 'takes a held name for one that exists',
    catches: 'remove/holds-the-name',
    mutate: driver => ({
      ...driver,
      classify: error => {
        const failure = driver.classify(error)
        return failure.code === 'name_held' ? { ...failure, code: 'already_exists' } : failure
      },
    }),
  },
  {
    name: 'says that a missing secret was removed',
    catches: 'remove/missing-is-not-found',
    mutate: driver => ({ ...driver, remove: async (request, call) => await driver.remove(request, call).catch(() => ({ state: 'gone' }) as const) }),
  },
  {
    name: 'fails a purge of what is gone',
    catches: 'remove/purge-of-missing-is-gone',
    mutate: driver => ({
      ...driver,
      remove: async (request, call) => {
        if (request.purge) await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
        return await driver.remove(request, call)
      },
    }),
  },
  {
    name: 'destroys another version',
    catches: 'destroy/only-that-version',
    mutate: driver => ({
      ...driver,
      destroyVersion: (request, call) => driver.destroyVersion({ ...request, version: String(Number(request.version) - 1) as VersionId }, call),
    }),
  },
  {
    name: 'destroys nothing',
    catches: 'destroy/erased-is-unusable',
    mutate: driver => ({ ...driver, destroyVersion: async () => {} }),
  },
  {
    name: 'says erased and only detaches',
    catches: 'destroy/erased-is-unusable',
    capabilities: { destroyVersion: 'detached' },
    mutate: driver => ({ ...driver, capabilities: { ...driver.capabilities, destroyVersion: 'erased' } }),
  },
  {
    name: 'says detached and erases',
    catches: 'destroy/detached-is-told-honestly',
    mutate: driver => ({ ...driver, capabilities: { ...driver.capabilities, destroyVersion: 'detached' } }),
  },
  {
    name: 'lists a destroyed version as usable',
    catches: 'destroy/is-seen-in-versions',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        const { items, next } = await driver.versions(request, call)
        return { items: items.map((item): DriverVersion => ({ ...item, state: 'usable' })), next }
      },
    }),
  },
  {
    name: 'reads a destroyed version as missing',
    catches: 'destroy/erased-is-unusable',
    mutate: driver => ({
      ...driver,
      classify: error => {
        const failure = driver.classify(error)
        return failure.code === 'version_unusable' ? { ...failure, code: 'not_found' } : failure
      },
    }),
  },
  {
    name: 'moves current back when the current version is destroyed',
    catches: 'destroy/current-is-refused-or-done',
    mutate: (driver, backend) => ({
      ...driver,
      destroyVersion: async (request, call) => {
        await driver.destroyVersion(request, call)
        await backend.promote({ path: request.path, version: '1' as VersionId, from: request.version }, call).catch(() => {})
      },
    }),
  },
]
