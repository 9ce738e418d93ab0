import type { SecretsApp } from '@strongroom/http'
import { Hono } from 'hono'
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'

/** A handler for API Gateway (payload version 1 and 2), a function's URL, or a load balancer. */
export function onLambda(secrets: SecretsApp): (event: LambdaEvent, context?: LambdaContext) => Promise<object> {
  return handle(new Hono().mount('/', secrets.fetch))
}
