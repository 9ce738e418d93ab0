import { accountId, type AccountId } from '@strongroom/core'
import { equal, expectRefused } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { ACCOUNT, ALICE, OTHER_ACCOUNT, OTHER_REGISTRY, REGISTRY } from '../world.ts'

/** By their bytes, which is the order of no language: there `a` is before `B`, and signs may count for nothing. */
const IDS: readonly AccountId[] = ['+', '-a', '/', '0', '10', '2', ':', '=', '@', 'A', 'B', 'Z', '_', 'a', 'a-', 'aa', 'b'].map(accountId)

export const accounts: readonly MetadataCase[] = [
  {
    id: 'accounts/from-their-first-entry',
    title: 'lists an account from the first entry of its audit trail on, whatever the entry says',
    async run(world) {
      equal(await world.accounts(), [])
      // Neither an intent nor what finds none writes an entry.
      const intent = await world.begin()
      equal(await world.abandon({ ...intent, account: OTHER_ACCOUNT }), { state: 'undone' })
      equal(await world.accounts(), [])
      await world.abandon(intent)
      equal(await world.accounts(), [ACCOUNT])
      const entry = { account: OTHER_ACCOUNT, actor: ALICE, action: 'secret.list', outcome: 'denied', code: 'permission_denied' } as const
      await world.store.appendAudit({ registry: REGISTRY, entry }, {})
      equal(await world.accounts(), [ACCOUNT, OTHER_ACCOUNT])
    },
  },
  {
    id: 'accounts/stay-without-records',
    title: 'lists an account when its last record is deleted too',
    async run(world) {
      const only = await world.create()
      await world.create({ account: OTHER_ACCOUNT })
      equal(await world.accounts(), [ACCOUNT, OTHER_ACCOUNT])
      await world.delete(only)
      equal(await world.accounts(), [ACCOUNT, OTHER_ACCOUNT])
    },
  },
  {
    id: 'accounts/of-one-registry',
    title: 'lists the accounts of one registry, each once',
    async run(world) {
      for (let number = 0; number < 3; number += 1) await world.create()
      await world.create({ account: OTHER_ACCOUNT, registry: OTHER_REGISTRY })
      equal(await world.accounts(), [ACCOUNT])
      equal(await world.accounts(undefined, 100, OTHER_REGISTRY), [OTHER_ACCOUNT])
      equal(await world.accounts(undefined, 100, 'registry-3'), [])
    },
  },
  {
    id: 'accounts/walked-in-the-order-of-bytes',
    title: 'walks the accounts in the order of their bytes, page by page, while others come',
    async run(world) {
      for (const account of IDS.toReversed()) await world.create({ account })
      equal(await world.accounts(), IDS)
      const pages: (readonly AccountId[])[] = []
      for (let after: AccountId | undefined; ;) {
        const page = await world.accounts(after, 4)
        pages.push(page)
        after = page.at(-1)
        if (after === undefined) break
        // One before what was seen comes, and one that is still ahead.
        if (pages.length === 1) for (const id of ['-', 'Za', 'Zb', 'Zc']) await world.create({ account: accountId(id) })
      }
      equal(pages.flat(), IDS.toSpliced(IDS.indexOf(accountId('_')), 0, ...['Za', 'Zb', 'Zc'].map(accountId)))
      // Only at the end is a page not full.
      equal(
        pages.map(({ length }) => length),
        [4, 4, 4, 4, 4, 0],
      )
      // A cursor need not be an account.
      equal(await world.accounts(accountId('Zaa'), 2), ['Zb', 'Zc'].map(accountId))
    },
  },
  {
    id: 'accounts/a-real-limit',
    title: 'takes only a real limit',
    async run(world) {
      await world.create()
      await world.create({ account: OTHER_ACCOUNT })
      equal(await world.accounts(undefined, 1), [ACCOUNT])
      for (const limit of [0, -1, 1.5, Number.NaN]) await expectRefused(world.accounts(undefined, limit), 'invalid_argument')
    },
  },
]
