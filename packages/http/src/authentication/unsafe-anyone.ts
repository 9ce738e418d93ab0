import { checkedAccount } from './api-keys.ts'
import { ACCOUNT_HEADER, type Authenticate } from './authenticate.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * Everyone is let in, as one anonymous user of the account that they name. For tests and a developer's own machine; the name is meant to be found
 * by grep. Requests that a browser was led to make by another host's name are refused.
 */
export const unsafeAnyone: Authenticate = async request => {
  if (!LOOPBACK.test(new URL(request.url).hostname)) return { refused: 'unauthenticated' }
  const selected = request.headers.get(ACCOUNT_HEADER)
  if (selected === null) return { refused: 'account_required' }
  const account = checkedAccount(selected)
  return account === undefined ? { refused: 'account_not_allowed' } : { account, actor: { id: 'anonymous', type: 'user' }, client: 'anonymous' }
}
