import type { Controls } from '../shared/controls.ts'
import type { Protocol, WireAnswer, WireRequest } from '../shared/http-server.ts'
import type { AwsControls } from './aws-controls.ts'
import { answer, AwsRefusal, errorAnswer, errorCodeOf } from './errors.ts'
import { structure, unreadable, type Input } from './input.ts'
import type { OperationContext } from './operation.ts'
import { secretOperations } from './secret-operations.ts'
import type { Place } from './state.ts'
import { valueOperations } from './value-operations.ts'

const OPERATIONS = { ...valueOperations, ...secretOperations }
const TARGET = /^secretsmanager\.(\w+)$/
/** `Credential=<key id>/<date>/<region>/<service>/aws4_request` */
const CREDENTIAL = /\bCredential=([^/\s,]+)\/\d{8}\/([^/\s,]+)\/([^/\s,]+)\/aws4_request\b/

/** AWS JSON 1.1: the operation is in a header, and all that is answered is JSON. */
export function awsProtocol(controls: AwsControls, context: Omit<OperationContext, 'authorize'>): Protocol {
  const { place } = context.state
  return {
    operationOf: request => ({ operation: operationOf(request), name: nameOf(request) }),
    handle(request, operation): WireAnswer {
      try {
        const credential = credentialOf(request, controls, place)
        const authorize = (wanted: string, resource: string | undefined): void => allow(controls, credential, wanted, resource, place)
        const apply = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined
        if (apply === undefined) throw new AwsRefusal('UnknownOperationException')
        const input = inputOf(request)
        authorize(operation, nameIn(input))
        return answer(200, apply(input, { ...context, authorize }))
      } catch (error) {
        if (error instanceof AwsRefusal) return errorAnswer(error)
        throw error
      }
    },
    throttled(retryAfterMs): WireAnswer {
      const headers = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
      return errorAnswer(new AwsRefusal('ThrottlingException'), headers)
    },
    failed: code => errorAnswer(new AwsRefusal(errorCodeOf(code))),
  }
}

function operationOf({ headers }: WireRequest): string {
  const target = headers['x-amz-target']
  return (typeof target === 'string' ? TARGET.exec(target)?.[1] : undefined) ?? 'unknown'
}

function inputOf({ body }: WireRequest): Input {
  try {
    return structure(JSON.parse(body.toString()))
  } catch {
    throw unreadable()
  }
}

function nameOf(request: WireRequest): string | undefined {
  try {
    return nameIn(inputOf(request))
  } catch {
    return undefined
  }
}

function nameIn({ Name, SecretId = Name }: Input): string | undefined {
  return typeof SecretId === 'string' ? SecretId : undefined
}

/** The access key id. Signatures are not recalculated: the emulator has nobody's secret key. @throws AwsRefusal */
function credentialOf({ headers }: WireRequest, controls: AwsControls, { region }: Place): string {
  const { authorization } = headers
  if (authorization === undefined || authorization === '') throw new AwsRefusal('MissingAuthenticationTokenException')
  const [, credential, signedRegion, service] = CREDENTIAL.exec(authorization) ?? []
  if (credential === undefined || !authorization.startsWith('AWS4-HMAC-SHA256 ')) throw new AwsRefusal('IncompleteSignatureException')
  if (signedRegion !== region) {
    throw new AwsRefusal('InvalidSignatureException', `Credential should be scoped to a valid region, not '${signedRegion}'. `)
  }
  if (service !== 'secretsmanager')
    throw new AwsRefusal('InvalidSignatureException', "Credential should be scoped to correct service: 'secretsmanager'. ")
  if (controls.hasExpired(credential)) throw new AwsRefusal('ExpiredTokenException')
  return credential
}

function allow(controls: Controls, credential: string, operation: string, resource: string | undefined, { accountId }: Place): void {
  const access = controls.accessOf(credential, operation)
  if (access === 'unauthenticated') throw new AwsRefusal('UnrecognizedClientException')
  if (access === 'allowed') return
  const action = `secretsmanager:${operation}`
  const on = resource === undefined ? '' : ` on resource: ${resource}`
  const message = `User: arn:aws:iam::${accountId}:user/someone is not authorized to perform: ${action}${on} because no identity-based policy allows the ${action} action`
  throw new AwsRefusal('AccessDeniedException', message)
}
