import { isSecretError, type CallOptions } from '@strongroom/core'
import { Chains } from './chains.ts'
import type { Connection } from './connection.ts'
import type { Current } from './current.ts'
import { secretErrorOf } from './failures.ts'
import { grouped, type Outcome } from './group.ts'

interface Waiting {
  readonly operation: string
  readonly call: CallOptions
}

export interface Work extends Waiting {
  readonly work: (connection: Connection, now: number, chains: Chains) => unknown
}

/** Does them all in the transaction under way, and says what became of each. */
type All<Call, Answer> = (calls: readonly Call[], connection: Connection, now: number) => readonly Outcome<Answer>[]

/**
 * What waits at once is one transaction, so that it waits for the disk together. Where `all` fails, and nothing was written, `carefully`
 * does it again, or each has its turn alone: one that cannot be does not take the others with it.
 */
function together<Call extends Waiting, Answer>(
  current: Current,
  kind: 'read' | 'write',
  all: All<Call, Answer>,
  carefully?: All<Call, Answer>,
): (call: Call) => Promise<Answer> {
  const attempt = async (some: readonly Call[], way: All<Call, Answer>): Promise<readonly Outcome<Answer>[]> => {
    let begun = false
    try {
      return await current.transact(kind, some[0]?.operation ?? 'metadata', (connection, now) => {
        begun = true
        return way(some, connection, now)
      })
    } catch (error) {
      // Before anybody's turn it is nobody's own: what locks the database would be waited for again by each.
      if (some.length === 1 || !begun || !isSecretError(error) || error.effect !== 'none')
        return some.map(one => ({ error: isSecretError(error) ? error.in({ operation: one.operation }) : error }))
      if (carefully !== undefined && way !== carefully) return await attempt(some, carefully)
      const outcomes: Outcome<Answer>[] = []
      for (const one of some) outcomes.push(...(await attempt([one], all)))
      return outcomes
    }
  }
  return grouped(async some => await attempt(some, all))
}

export function readTogether(current: Current): (work: Work) => Promise<unknown> {
  return together(current, 'read', (some, connection, now) => {
    const chains = new Chains(connection)
    return some.map(one => {
      try {
        return { answer: done(current, one, connection, now, chains) }
      } catch (error) {
        return { error: secretErrorOf(error, one.operation, 'none') }
      }
    })
  })
}

/** Each is whole or undone by itself. SQLite keeps a copy of what each changes for that, so it is asked to only where one fails. */
export function writeTogether(current: Current): (work: Work) => Promise<unknown> {
  return together(
    current,
    'write',
    (some, connection, now) => chained(connection, chains => some.map(one => ({ answer: done(current, one, connection, now, chains) }))),
    (some, connection, now) =>
      some.map(one => connection.part(one.operation, () => chained(connection, chains => done(current, one, connection, now, chains)))),
  )
}

/** With the chains of what is done, or undone, as one. */
function chained<Answer>(connection: Connection, body: (chains: Chains) => Answer): Answer {
  const chains = new Chains(connection)
  const answer = body(chains)
  chains.end()
  return answer
}

function done(current: Current, { operation, call, work }: Work, connection: Connection, now: number, chains: Chains): unknown {
  // Again: it may have been closed or aborted while it waited.
  current.check(operation, call)
  return work(connection, now, chains)
}
