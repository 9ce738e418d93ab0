import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'

const TRACEPARENT = Symbol('traceparent')

interface Traced {
  readonly [TRACEPARENT]?: string
}

/** A command whose request is to have this `traceparent`. It comes with the input, which is all that a client's own middleware gets of a call. */
export function traced(command: object, traceparent: string): object {
  Object.assign((command as { readonly input: object }).input, { [TRACEPARENT]: traceparent })
  return command
}

/** Before the request is signed. */
export function passTraceOn(client: SecretsManagerClient): void {
  client.middlewareStack.add(
    next => args => {
      const traceparent = (args.input as Traced)[TRACEPARENT]
      if (traceparent !== undefined) (args.request as { readonly headers: Record<string, string> }).headers['traceparent'] = traceparent
      return next(args)
    },
    { step: 'build', name: 'strongroomTrace' },
  )
}
