import { Controls, type Lag } from '../shared/controls.ts'
import { statusOfName } from './status.ts'

/** Google's reads that are only eventually consistent, each apart. An access by number is not one of them. */
export interface GcpLag extends Lag {
  /** What is told of a secret or of a version without its value: `GetSecret`, and `GetSecretVersion` also by number. */
  metadata: number
}

/** The {@link Controls}, with what of Google’s answers can lag by itself; milliseconds by the emulator’s clock. */
export class GcpControls extends Controls {
  override readonly lag: GcpLag = { latest: 0, metadata: 0, lists: 0 }

  constructor() {
    super(statusOfName)
  }
}
