import { invalid, Problem } from '../problem.ts'
import { troubleOf } from '../trouble.ts'
import { ACCOUNT_HEADER, type Authenticate, type Caller, type Refusal } from './authenticate.ts'

/** @throws Problem 401, 403, 422; 503 when the hook itself failed */
export async function callerOf(authenticate: Authenticate, request: Request): Promise<Caller> {
  let answer: Caller | Refusal
  try {
    answer = await authenticate(request)
  } catch (error) {
    // Whatever it threw may quote a credential, so it is not passed on.
    const detail = 'callers cannot be told apart now; nothing was done'
    const init = { status: 503, code: 'unavailable', detail, effect: 'none', retryAfterMs: 1000, retry: true } as const
    throw new Problem(init, { ...troubleOf(error), operation: 'authenticate' })
  }
  if (!('refused' in answer)) return answer
  switch (answer.refused) {
    case 'unauthenticated':
      throw new Problem({
        status: 401,
        code: 'unauthenticated',
        detail: 'no credential, or a wrong one',
        headers: { 'www-authenticate': answer.challenge ?? 'ApiKey' },
      })
    case 'account_not_allowed':
      throw new Problem({ status: 403, code: 'account_not_allowed', detail: 'not this account' })
    case 'account_required':
      throw invalid([{ path: ACCOUNT_HEADER, message: 'the id of one of your accounts' }])
  }
}
