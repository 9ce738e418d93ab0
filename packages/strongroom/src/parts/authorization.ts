import { unsafeAllowEveryone, type Authorize } from '@strongroom/core'
import type { AuthorizationRule, Config } from '../config/schema.ts'

/** Allows what one of the rules allows. Nothing that no rule names is allowed. */
export function authorizeBy(authorization: NonNullable<Config['authorization']>): Authorize {
  if (authorization === 'unsafe-allow-everyone') return unsafeAllowEveryone
  const names = (list: readonly string[], one: string): boolean => list.includes('*') || list.includes(one)
  const allows = (rule: AuthorizationRule, request: Parameters<Authorize>[0]): boolean =>
    names(rule.actors, request.actor.id) && names(rule.accounts, request.account) && names(rule.actions, request.action)
  return async request => authorization.some(rule => allows(rule, request))
}
