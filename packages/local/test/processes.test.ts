import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { localSecretStore } from '../src/index.ts'
import { Child, together } from './children.ts'
import { openLocal, storePath } from './helpers.ts'
import { OutOfBandStore } from './out-of-band.ts'

test('of creators in several processes one wins', async () => {
  const path = await storePath()
  const children = ['one', 'two', 'three'].map(name => new Child('create', path, name))
  await together(children)
  const said = await Promise.all(children.map(child => child.finished()))
  expect(said.flat().toSorted()).toEqual(['already_exists', 'already_exists', 'won'])
  const winner = ['one', 'two', 'three'][said.findIndex(([line]) => line === 'won')]
  expect(await openLocal({ path }).read('contended')).toBe(winner)
})

test('two processes that start at once on nothing make one key and one database', async () => {
  for (let round = 0; round < 3; round += 1) {
    const path = await storePath()
    const children = ['one', 'two'].map(name => new Child('append', path, name, '1'))
    await together(children)
    const versions = (await Promise.all(children.map(child => child.finished()))).flat()
    // Each reads what the other wrote: it is the same key.
    const reader = openLocal({ path })
    const texts = await Promise.all(versions.map(version => reader.read('shared', version as never)))
    expect(texts.toSorted()).toEqual(['one 0', 'two 0'])
    expect((JSON.parse(await readFile(join(path, 'key'), 'utf8')) as { keys: unknown[] }).keys).toHaveLength(1)
    expect((await readdir(path)).filter(name => !/^(key|store\.db(-wal|-shm)?)$/.test(name))).toEqual([])
  }
})

test('of appends from several processes none is lost, and the order is one', async () => {
  const path = await storePath()
  await openLocal({ path }).create('shared', 'the first')
  const children = ['one', 'two', 'three'].map(name => new Child('append', path, name, '25'))
  await together(children)
  const said = await Promise.all(children.map(child => child.finished()))
  await using store = localSecretStore({ path })
  const versions = await Array.fromAsync(store.versions('shared'))
  const order = versions.map(({ version }) => version as string)
  expect(order).toHaveLength(76)
  for (const versionsOfOne of said) expect(order.filter(version => versionsOfOne.includes(version))).toEqual(versionsOfOne)
  expect(versions.filter(({ current }) => current)).toEqual([versions.at(-1)])
})

test('a process that is killed while it writes loses nothing that it acknowledged', async () => {
  for (let round = 0; round < 3; round += 1) {
    const path = await storePath()
    const child = new Child('write', path)
    await together([child])
    await child.said(20 + round * 7)
    child.process.kill('SIGKILL')
    expect(await child.ended).toEqual([null, 'SIGKILL'])
    const acknowledged = child.lines.slice(1)
    const reader = openLocal({ path })
    for (const name of acknowledged) expect(await reader.read(name)).toBe(name.replace('name-', 'value '))
    const check = new OutOfBandStore(path).with(database => database.prepare('PRAGMA integrity_check').all())
    expect(check).toEqual([{ integrity_check: 'ok' }])
    // At most the one that was under way is there beside them.
    const listed = await reader.driver.list(
      { prefix: 'name-', withLabels: false, page: undefined },
      { signal: AbortSignal.timeout(5000), attempt: 1 },
    )
    expect([0, 1]).toContain(listed.items.length - acknowledged.length)
  }
})
