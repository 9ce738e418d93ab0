import { accountId, createSecretRegistry, isSecretError, memoryDriver, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { LostAnswers } from '../src/lost-answers.ts'

// What a registry makes of answers of its database that do not arrive: it asks again by the token, four times at most.

const [ONCE, FOR_GOOD, NOT] = [0, 0.065, 0.9]
const [DONE, UNDONE] = [0, 0.9]

/** A secret with revision 1; from then on luck decides, and what is not said is not lost. */
async function scene(...luck: number[]) {
  const lost = new LostAnswers()
  const metadata = lost.metadata(memoryMetadata())
  const shared = { id: 'lost', metadata, stores: { main: memoryDriver() }, authorize: unsafeAllowEveryone }
  const registry = await createSecretRegistry({ ...shared, writeTo: 'main' })
  const secrets = registry.account(accountId('acme'), { id: 'alice', type: 'user' })
  const { id } = await secrets.create({ key: 'a', value: 'v' })
  expect(lost.take()).toEqual({ answers: 0, holds: false })
  lost.begin(() => luck.shift() ?? NOT)
  const told = (write: Promise<unknown>): Promise<string> =>
    write.then(
      () => 'done',
      (error: unknown) => (isSecretError(error) ? `${error.code}, effect ${error.effect}` : String(error)),
    )
  const committed = async (): Promise<number> =>
    (await Array.fromAsync(secrets.audit())).filter(({ action, outcome }) => outcome === 'ok' && /create|update/.test(action)).length
  const revision = async (): Promise<number> => (await secrets.describe(id)).revision
  return { registry, secrets, id, lost, told, committed, revision }
}

describe('of answers that are lost', () => {
  it.each([
    ['done', DONE],
    ['not done', UNDONE],
  ])('one of a change that was %s is asked for again, and the change made once', async (_, fate) => {
    const { secrets, id, lost, told, committed, revision } = await scene(ONCE, fate)
    expect(await told(secrets.update(id, { description: 'd' }))).toBe('done')
    expect(lost.take()).toEqual({ answers: 1, holds: false })
    expect([await committed(), await revision()]).toEqual([2, 2])
  })

  it.each([
    ['done', DONE, 2],
    ['not done', UNDONE, 1],
  ])('all of a change that was %s leave its caller without knowledge', async (_, fate, after) => {
    const { secrets, id, lost, told, revision } = await scene(FOR_GOOD, fate)
    expect(await told(secrets.update(id, { description: 'd' }))).toBe('unavailable, effect unknown')
    expect(lost.take()).toEqual({ answers: 4, holds: true })
    expect(lost.take()).toEqual({ answers: 0, holds: false })
    expect(await revision()).toBe(after)
  })

  it('a refusal is no answer either: what it says is known only by the repetition', async () => {
    const { secrets, id, told, revision } = await scene(ONCE, DONE)
    expect(await told(secrets.update(id, { description: 'd' }, { ifRevision: 9 }))).toBe('conflict, effect unknown')
    expect(await revision()).toBe(1)
  })

  it('a write of several transactions may lose one of each', async () => {
    const { secrets, lost, told, committed } = await scene(ONCE, DONE, ONCE, UNDONE)
    expect(await told(secrets.create({ key: 'b', value: 'w' }))).toBe('done')
    expect([lost.take().answers, await committed()]).toEqual([2, 2])
  })

  it('a claim has no token, and what it has claimed stays claimed', async () => {
    const { registry, lost, told } = await scene(ONCE, DONE)
    expect(await told(registry.maintain())).toBe('unavailable, effect unknown')
    expect(lost.take()).toEqual({ answers: 1, holds: true })
  })
})
