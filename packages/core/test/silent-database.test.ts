import { unsafeAllowEveryone, type AccountReader, type AccountSecrets, type MetadataStore, type SecretId } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, ACTOR, RegistryWorld } from './support/registry-world.ts'
import { failureOf } from './support/scripted.ts'

/** A database that can be made to give no answer, to all that it is asked or to one method; what waits is never answered. */
class Silence {
  #isSilent: (method: string) => boolean = () => false
  readonly asked: string[] = []
  /** Told when somebody waits in vain. */
  onWait: () => void = () => {}

  begin(isSilent: (method: string) => boolean = () => true): void {
    this.#isSilent = isSilent
  }

  end(): void {
    this.#isSilent = () => false
  }

  around(metadata: MetadataStore): MetadataStore {
    return new Proxy(metadata, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function' || typeof name === 'symbol') return member
        return (...args: readonly unknown[]) => {
          this.asked.push(name)
          if (!this.#isSilent(name)) return Reflect.apply(member, target, args) as unknown
          this.onWait()
          return new Promise(() => {})
        }
      },
    })
  }
}

interface Scene {
  readonly secrets: AccountSecrets
  readonly values: AccountReader
  readonly id: SecretId
}

type Act = (scene: Scene, signal: AbortSignal | undefined) => Promise<unknown>

const LOOKS: Readonly<Record<string, Act>> = {
  list: ({ secrets }, signal) => secrets.list({ signal }),
  describe: ({ secrets, id }, signal) => secrets.describe(id, { signal }),
  versions: ({ secrets, id }, signal) => secrets.versions(id, { signal }),
  read: ({ values, id }, signal) => values.read({ id }, { signal }),
}
/** What is refused without a put changes nothing: an intent that nobody knows of is undone. */
const PUTS: Readonly<Record<string, Act>> = {
  create: ({ secrets }, signal) => secrets.create({ key: 'other', value: 'v' }, { signal }),
  update: ({ secrets, id }, signal) => secrets.update(id, { value: 'second' }, { signal }),
}
const CHANGES: Readonly<Record<string, Act>> = {
  'update of a description': ({ secrets, id }, signal) => secrets.update(id, { description: 'd' }, { signal }),
  delete: ({ secrets, id }, signal) => secrets.delete(id, { signal }),
}
const all = [
  ...Object.entries({ ...LOOKS, ...PUTS }).map(([name, act]) => ({ name, act, effect: 'none' })),
  ...Object.entries(CHANGES).map(([name, act]) => ({ name, act, effect: 'unknown' })),
]

const policy = { deadlineMs: 100, leaseMs: 1000 }

async function open(): Promise<Scene & { readonly world: RegistryWorld; readonly silence: Silence }> {
  const silence = new Silence()
  const world = new RegistryWorld()
  const metadata = silence.around(world.metadata)
  const secrets = await world.secrets({ metadata, policy })
  const values = (await world.reader(unsafeAllowEveryone, metadata)).account(ACCOUNT, ACTOR)
  const { id } = await secrets.create({ key: 'k', value: 'first' })
  return { world, silence, secrets, values, id }
}

describe('a database that gives no answer', () => {
  it.each(all)('does not keep $name longer than the deadline', async ({ act, effect }) => {
    const scene = await open()
    scene.silence.begin()
    expect(await failureOf(act(scene, undefined))).toMatchObject({ code: 'deadline_exceeded', effect, retryable: true })
  })

  it.each(all)('does not keep $name once its caller has given up', async ({ act, effect }) => {
    const scene = await open()
    const gone = new AbortController()
    scene.silence.begin()
    scene.silence.onWait = () => gone.abort()
    expect(await failureOf(act(scene, gone.signal))).toMatchObject({ code: 'aborted', effect, retryable: false })
  })

  it('to a commit is told as one that may have happened, and recovery settles it once the database is back', async () => {
    const { world, silence, secrets } = await open()
    silence.begin(method => method === 'commitCreate')
    const failed = await failureOf(secrets.create({ key: 'other', value: 'v' }))
    expect(failed).toMatchObject({ code: 'deadline_exceeded', effect: 'unknown' })
    silence.end()
    world.now += policy.leaseMs + 1
    const registry = await world.registry({ policy })
    await registry.maintain()
    // The commit has never come to the database, so that recovery undoes the create.
    expect((await secrets.list()).items.map(({ key }) => key)).toEqual(['k'])
    expect(await world.paths()).toHaveLength(1)
  })

  it('is not asked again by what has been given up', async () => {
    const scene = await open()
    scene.silence.begin()
    await failureOf(scene.secrets.list())
    const asked = scene.silence.asked.length
    await new Promise(done => setTimeout(done, 300))
    expect(scene.silence.asked.length).toBe(asked)
  })
})
