import type { WireAnswer } from '../shared/http-server.ts'

/** A refusal in AWS's own words. */
export class AwsRefusal extends Error {
  readonly code: AwsErrorCode

  constructor(code: AwsErrorCode, message: string = SAYS[code][1]) {
    super(message)
    this.code = code
  }
}

/** Every error name of the service's model, then those that every AWS service has; the message is what is said without a reason. */
const SAYS = {
  DecryptionFailure: [400, "Secrets Manager can't decrypt the protected secret text using the provided KMS key."],
  EncryptionFailure: [400, "Secrets Manager can't encrypt the protected secret text using the provided KMS key."],
  InternalServiceError: [500, 'An error occurred on the server side.'],
  InvalidNextTokenException: [400, 'The NextToken value is invalid.'],
  InvalidParameterException: [400, 'The parameter name or value is invalid.'],
  InvalidRequestException: [400, 'A parameter value is not valid for the current state of the resource.'],
  LimitExceededException: [400, 'The request failed because it would exceed one of the Secrets Manager quotas.'],
  MalformedPolicyDocumentException: [400, 'The resource policy has syntax errors.'],
  PreconditionNotMetException: [400, 'The request failed because you did not complete all the prerequisite steps.'],
  PublicPolicyException: [400, 'The resource policy grants broad access to the secret.'],
  ResourceExistsException: [400, 'A resource with the ID you requested already exists.'],
  ResourceNotFoundException: [400, "Secrets Manager can't find the specified secret."],
  AccessDeniedException: [400, 'You are not authorized to perform this operation.'],
  ExpiredTokenException: [400, 'The security token included in the request is expired'],
  IncompleteSignatureException: [400, 'Authorization header requires existence of either a X-Amz-Date or a Date header.'],
  InternalFailure: [500, 'The request processing has failed because of an unknown error, exception or failure.'],
  InvalidClientTokenId: [403, 'The security token included in the request is invalid.'],
  InvalidSignatureException: [400, 'The request signature we calculated does not match the signature you provided.'],
  MissingAuthenticationTokenException: [400, 'Request is missing Authentication Token'],
  OptInRequired: [403, 'The AWS Access Key Id needs a subscription for the service'],
  RequestExpired: [400, 'The request reached the service more than 15 minutes after the date stamp on the request.'],
  RequestLimitExceeded: [503, 'Request limit exceeded.'],
  SerializationException: [400, 'The request cannot be read.'],
  ServiceUnavailable: [503, 'The request has failed due to a temporary failure of the server.'],
  ServiceUnavailableException: [503, 'The request has failed due to a temporary failure of the server.'],
  ThrottlingException: [400, 'Rate exceeded'],
  TooManyRequestsException: [429, 'Too many requests'],
  UnknownOperationException: [400, 'The operation is unknown.'],
  UnrecognizedClientException: [400, 'The security token included in the request is invalid.'],
  ValidationException: [400, '1 validation error detected'],
} as const

export type AwsErrorCode = keyof typeof SAYS

/** What the front of every AWS service says, before the service is asked; such names come with a namespace. */
const FRONT: ReadonlySet<AwsErrorCode> = new Set<AwsErrorCode>([
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InternalFailure',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'SerializationException',
  'UnknownOperationException',
  'UnrecognizedClientException',
])

/** @throws RangeError for a name that AWS has not */
export function errorCodeOf(name: string): AwsErrorCode {
  if (!Object.hasOwn(SAYS, name)) throw new RangeError(`AWS has no error ${JSON.stringify(name)}; it has ${Object.keys(SAYS).join(', ')}`)
  return name as AwsErrorCode
}

export function errorAnswer({ code, message }: AwsRefusal, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  const front = FRONT.has(code)
  const body = front ? { __type: `com.amazon.coral.service#${code}`, message } : { __type: code, Message: message }
  return answer(SAYS[code][0], body, headers)
}

export function answer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1', ...headers }, body: JSON.stringify(body) }
}
