import { crypto } from '../internal/crypto.ts'
import { finding } from './failure.ts'

/**
 * For authors of drivers: page tokens that hold what the driver wants to remember, for a backend whose own must not come from a caller. They
 * are of one list, and sealed with a key of this object; what they hold is not hidden.
 */
export class PageTokens<State> {
  readonly #key = crypto().randomBytes(32)

  /** `state` goes through JSON. */
  seal(list: string, state: State): string {
    const text = JSON.stringify(state)
    return `${Buffer.from(text).toString('base64url')}.${this.#mark(list, text).toString('base64url')}`
  }

  /** @throws DriverFinding `invalid_argument` for a token that was not given out for this list */
  open(list: string, token: string): State {
    const [body = '', mark = ''] = token.split('.')
    const text = Buffer.from(body, 'base64url').toString()
    const given = Buffer.from(mark, 'base64url')
    const expected = this.#mark(list, text)
    if (given.byteLength !== expected.byteLength || !crypto().timingSafeEqual(given, expected)) {
      throw finding('invalid_argument', { hint: 'the page token is not one that this driver gave out for this list' })
    }
    return JSON.parse(text) as State
  }

  #mark(list: string, text: string): Buffer {
    return crypto().createHmac('sha256', this.#key).update(`${list}\n${text}`).digest()
  }
}
