import type { SecretErrorCode } from '@strongroom/core'
import type { WireFault } from '../../harness.ts'

/** What one request of a writing call meets, and what may be said of it. */
export interface Mishap {
  readonly name: string
  readonly title: string
  readonly fault: WireFault
  /**
   * Whether the backend has done what the request asks for. Where it has, and nothing is to be seen of it, the call had only looked
   * until then: it cannot have written.
   */
  readonly applied: boolean
  /** The backend itself refuses: nothing that this request asks for can have happened. */
  readonly refused?: true
  /** The caller gives up as soon as the backend has the request. */
  readonly aborted?: true
  readonly codes: readonly SecretErrorCode[]
}

const OF_THE_WIRE: readonly SecretErrorCode[] = ['unavailable', 'corrupt']

export const mishaps: readonly Mishap[] = [
  { name: 'reset', title: 'ends its connection before the effect', fault: 'reset', applied: false, codes: OF_THE_WIRE },
  { name: 'lost-answer', title: 'loses its answer after the effect', fault: 'lose', applied: true, codes: OF_THE_WIRE },
  { name: 'cut-answer', title: 'gets half an answer', fault: 'cut', applied: true, codes: OF_THE_WIRE },
  // What answers a page in place of a success may be taken for something else than the backend.
  { name: 'page-200', title: "gets a portal's page", fault: 'html_ok', applied: false, codes: [...OF_THE_WIRE, 'misconfigured'] },
  { name: 'page-502', title: "gets a load balancer's page", fault: 'html', applied: false, codes: OF_THE_WIRE },
  { name: 'throttled', title: 'is throttled', fault: 'throttle', applied: false, refused: true, codes: ['throttled'] },
  { name: 'server-error', title: 'gets a server error', fault: 'server_error', applied: false, codes: OF_THE_WIRE },
  { name: 'aborted-unanswered', title: 'is not answered until its caller aborts', fault: 'stall', applied: false, aborted: true, codes: ['aborted'] },
  { name: 'aborted-answering', title: 'is being answered when its caller aborts', fault: 'slow', applied: true, aborted: true, codes: ['aborted'] },
]
