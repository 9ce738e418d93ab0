import type { Input } from './input.ts'
import type { Pages } from './pages.ts'
import type { State } from './state.ts'

export interface OperationContext {
  readonly state: State
  readonly pages: Pages
  readonly nameHeldMs: number
  readonly batchSize: number
  readonly listScan: number
  /** @throws AwsRefusal `AccessDeniedException` unless the caller may do that */
  readonly authorize: (operation: string, resource: string | undefined) => void
}

/** One of AWS's operations, on a request that is known to be allowed. @throws AwsRefusal */
type Operation = (input: Input, context: OperationContext) => object

export type Operations = Readonly<Record<string, Operation>>
