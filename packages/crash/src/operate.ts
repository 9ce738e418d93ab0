import { die, type Failpoints } from './failpoints.ts'
import { failed, type Job, type Outcome, type ToParent } from './messages.ts'

interface Operation {
  readonly failpoints: Failpoints
  readonly work: () => Promise<unknown>
  /** Whether what is read once it is done is what it should be. */
  readonly readBack: () => Promise<boolean>
  readonly tell: (message: ToParent) => Promise<void>
  readonly close: () => Promise<void>
}

/** Does what a job is about with its failpoints armed, and tells its end. */
export async function operate({ dieWithAnswer }: Job, { failpoints, work, readBack, tell, close }: Operation): Promise<void> {
  failpoints.arm(true)
  const outcome = await work().then(
    async (): Promise<Outcome> => {
      failpoints.arm(false)
      return { state: 'done', readBack: await readBack() }
    },
    (error: unknown): Outcome => {
      failpoints.arm(false)
      return failed(error)
    },
  )
  await tell({ type: 'ended', outcome, steps: failpoints.steps })
  if (dieWithAnswer) die()
  await close()
}
