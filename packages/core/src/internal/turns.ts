/** What came of a turn. `unanswered`: the store has kept everybody waiting, and is not asked again. */
export type Turn = 'worked' | 'nothing' | 'unanswered'

/** Work of one kind in one store. */
export interface Lane {
  readonly store: string
  /** Whether the store's other lane makes work for it. */
  readonly isFed: boolean
  /** One piece of it. */
  readonly take: () => Promise<Turn>
}

/** Gives each lane a turn, round after round, until nothing is left or it is over: no lane holds up another. */
export async function takeTurns(lanes: readonly Lane[], isOver: () => boolean): Promise<void> {
  for (let open = lanes; open.length > 0;) {
    const left: Lane[] = []
    const busy = new Set<string>()
    for (const lane of open) {
      if (isOver()) return
      const turn = await lane.take()
      if (turn === 'worked') busy.add(lane.store)
      if (turn === 'worked' || (turn === 'nothing' && lane.isFed)) left.push(lane)
    }
    open = left.filter(({ store }) => busy.has(store))
  }
}
