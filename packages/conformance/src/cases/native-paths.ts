import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { NativePath, VersionId } from '@strongroom/core'
import { text, type CaseContext } from '../case-context.ts'
import { bareWords, strangePaths, type StrangePath } from '../data/paths.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError, expectRefusal } from '../expect.ts'

/** A secret that must be as it was, whatever is done to the path beside it. */
interface Beside {
  readonly path: NativePath
  readonly version: VersionId
  readonly value: string
}

/** A native path is that path alone, or it is refused before the network: never another path, never a riddle. */
export const nativePathsCases: readonly DriverCase[] = [
  ...strangePaths.map((strange): DriverCase => ({
    id: `native/${strange.name}`,
    title: `a path with ${strange.what} is refused as invalid_argument by every call before the network, or is exactly that path`,
    needs: [],
    run: async context => await expectExactOrRefused(context, strange),
  })),
  {
    id: 'native/bare-words',
    title: 'a path that is only a dot, a slash or a word of an API is no secret: invalid_argument or not_found',
    needs: [],
    async run(context) {
      for (const word of bareWords) {
        const path = word as NativePath
        // Somebody may have one that is called so.
        if ((await context.list(word).catch(() => [])).some(entry => entry.path === path)) continue
        await refusedAs(context, context.read(path), `read of ${word}`, 'invalid_argument', 'not_found')
        await refusedAs(context, context.versions(path), `versions of ${word}`, 'invalid_argument', 'not_found')
      }
    },
  },
  {
    id: 'native/full-path-is-no-second-name',
    title: 'what outsiders call a secret may be read by that, and is no second path to write, list or remove it by',
    needs: [],
    async run(context) {
      const { path, version, fullPath } = await context.create('one')
      if (fullPath === path) context.skip('the full path is the path')
      const other = fullPath as NativePath
      const { driver } = context
      const read = await context.readText(other).catch((error: unknown) => driver.classify(error).code)
      assert.ok(['one', 'invalid_argument', 'not_found'].includes(read), `a read answers the value, invalid_argument or not_found, not ${read}`)
      await refusedAs(context, context.versions(other), 'versions', 'invalid_argument', 'not_found')
      await refusedAs(context, context.append(other, 'two'), 'append', 'invalid_argument', 'not_found')
      assert.equal((await context.list(other)).length, 0, 'it is not listed')
      // What is not there is gone already, and so a success.
      await driver.destroyVersion({ path: other, version }, context.call()).catch(() => {})
      await driver.remove({ path: other, purge: true }, context.call()).catch(() => {})
      await isUntouched(context, { path, version, value: 'one' })
    },
  },
]

async function expectExactOrRefused(context: CaseContext, { path: strange, beside }: StrangePath): Promise<void> {
  const longest = context.capabilities.maxPathLength
  const at = context.path()
  const path = strange(at, longest) as NativePath
  const isTaken = await isTakenFor(context, path)
  const others = await planted(context, isTaken ? [at, ...beside(at, longest)] : [at])
  if (isTaken) await isExact(context, path, others)
  else await isRefused(context, path, others)
  await storeAgrees(context, path, isTaken)
  await Promise.all(others.map(async other => await isUntouched(context, other)))
}

/** Whether the driver takes it for a path at all: its first look says which of the two promises is to be kept. */
async function isTakenFor(context: CaseContext, path: NativePath): Promise<boolean> {
  return (await expectRefusal(context.driver, context.read(path), 'invalid_argument', 'not_found')).code === 'not_found'
}

/** What the backend takes of these, each with a value of its own. */
async function planted(context: CaseContext, paths: readonly string[]): Promise<readonly Beside[]> {
  const made = await Promise.all(
    paths.map(async (text, index): Promise<Beside | undefined> => {
      const [path, value] = [text as NativePath, `beside ${index}`]
      try {
        return { path, value, version: (await context.create(value, { path })).version }
      } catch (error) {
        assert.equal(
          context.driver.classify(error).code,
          'invalid_argument',
          `what is beside it, ${JSON.stringify(text.slice(-20))}, is taken or refused`,
        )
        return undefined
      }
    }),
  )
  return made.filter(one => one !== undefined)
}

async function isUntouched(context: CaseContext, { path, version, value }: Beside): Promise<void> {
  assert.equal(await context.readText(path), value, 'the secret beside it is as it was')
  const versions = await context.versions(path)
  assert.deepEqual(
    versions.map(found => [found.version, found.state]),
    [[version, 'usable']],
    'the secret beside it has its one version',
  )
}

/** Not only to write: what cannot be a path is none to any call, and the backend is not asked. */
async function isRefused(context: CaseContext, path: NativePath, [at]: readonly Beside[]): Promise<void> {
  const { driver, capabilities } = context
  const call = context.call()
  const version = at?.version ?? context.skip('a plain path is refused')
  const refused = async (operation: string, work: Promise<unknown>): Promise<void> => await refusedAs(context, work, operation, 'invalid_argument')
  const requests = await requestsOf(context)
  await refused('create', driver.create({ path, payload: text('strange'), labels: {}, token: randomUUID() }, call))
  await refused('append', context.append(path, 'strange'))
  await refused('read', context.read(path))
  await refused('read of a version', context.read(path, version))
  await refused('versions', context.versions(path))
  await refused('destroyVersion', driver.destroyVersion({ path, version }, call))
  await refused('remove', driver.remove({ path, purge: true }, call))
  if (capabilities.current === 'on_promote') await refused('promote', driver.promote({ path, version, from: version }, call))
  if (capabilities.remove === 'recoverable') {
    await refused('remove without purge', driver.remove({ path, purge: false }, call))
    await refused('restore', driver.restore({ path }, call))
  }
  if (capabilities.maxBatch > 1) {
    const [outcome] = await driver.readMany({ paths: [path] }, call)
    assert.deepEqual([outcome?.path, outcome && 'failure' in outcome && outcome.failure.code], [path, 'invalid_argument'], 'readMany: an outcome')
  }
  assert.equal(await requestsOf(context), requests, 'what is refused is refused before the network')
}

/** Written, read, listed and given another version under exactly this path. */
async function isExact(context: CaseContext, path: NativePath, others: readonly Beside[]): Promise<void> {
  const { version } = await context.create('strange', { path }).catch((error: unknown) => {
    assert.fail(`read as a path where nothing is, and created as one that is ${context.driver.classify(error).code}`)
  })
  const second = await context.append(path, 'stranger')
  assert.deepEqual(await Promise.all([context.readText(path), context.readText(path, version)]), ['stranger', 'strange'])
  const found = (await context.versions(path)).map(one => one.version)
  assert.deepEqual(new Set(found), new Set([version, second]))
  if (context.capabilities.maxBatch > 1) {
    const [outcome] = await context.driver.readMany({ paths: [path] }, context.call())
    assert.deepEqual([outcome?.path, outcome && 'payload' in outcome], [path, true], 'readMany: the value')
  }
  await context.settled(async () => {
    const listed = (await context.list()).map(entry => entry.path)
    const made = [...others.map(other => other.path), path].filter(one => one.startsWith(context.prefix))
    assert.deepEqual(listed.toSorted(), made.toSorted(), 'listed under exactly these paths')
    assert.ok(
      (await context.list(path)).some(entry => entry.path === path),
      'listed under itself',
    )
  })
}

/** The store says the same of the name, with `naming: 'native'`. */
async function storeAgrees(context: CaseContext, path: NativePath, isTaken: boolean): Promise<void> {
  const isOurs = path.startsWith(context.prefix)
  const store = context.store({ naming: 'native', ...(isOurs ? {} : { prefix: '' }) })
  const name = isOurs ? path.slice(context.prefix.length) : path
  const fits = path.length <= context.capabilities.maxPathLength && name.isWellFormed() && !name.includes('\0')
  if (!isTaken || !fits) {
    for (const call of [() => store.get(name), () => store.put(name, 'strange'), () => store.delete(name, { purge: true })]) {
      assert.equal((await expectError(call(), 'invalid_argument')).effect, 'none')
    }
    if (isTaken) await context.purgeWholly(path)
    return
  }
  assert.equal((await store.get(name)).value.revealText(), 'stranger')
  await store.delete(name, { purge: true })
  await context.settled(async () => void (await expectRefusal(context.driver, context.read(path), 'not_found')))
}

async function refusedAs(context: CaseContext, work: Promise<unknown>, what: string, ...codes: Parameters<typeof expectRefusal>[2][]): Promise<void> {
  try {
    await expectRefusal(context.driver, work, ...codes)
  } catch (error) {
    if (error instanceof assert.AssertionError) error.message = `${what}: ${error.message}`
    throw error
  }
}

async function requestsOf(context: CaseContext): Promise<number | undefined> {
  return await (context.hooks as Partial<CaseContext['hooks']>).faults?.requests()
}
