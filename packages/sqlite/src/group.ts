interface Waiting<Call, Answer> {
  readonly call: Call
  readonly settle: (outcome: Outcome<Answer>) => void
}

export type Outcome<Answer> = { readonly answer: Answer } | { readonly error: unknown }

/**
 * Calls that wait at the same time are done together: those that come in one turn of the event loop, or while the work before is
 * under way. `work` settles every one of them, in order.
 */
export function grouped<Call, Answer>(work: (calls: readonly Call[]) => Promise<readonly Outcome<Answer>[]>): (call: Call) => Promise<Answer> {
  let waiting: Waiting<Call, Answer>[] = []
  let working = false

  const run = async (): Promise<void> => {
    working = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      const outcomes = await work(group.map(({ call }) => call))
      for (const [index, { settle }] of group.entries()) settle(outcomes[index] ?? { error: new Error('a call without an outcome') })
    }
    working = false
  }

  return async call =>
    await new Promise<Answer>((done, fail) => {
      const settle = (outcome: Outcome<Answer>): void => ('error' in outcome ? fail(outcome.error) : done(outcome.answer))
      if (waiting.push({ call, settle }) === 1 && !working) setImmediate(() => void run())
    })
}
