// What an author of a driver writes with, beside the contract: an entry of its own, since whoever only uses stores has no need of it. What is
// taken from the main entry makes the two of them share its one file.
export { isSecretError, SecretError } from '../index.ts'
export type {
  AppendRequest,
  CreateRequest,
  DriverCall,
  DriverCapabilities,
  DriverEntry,
  DriverPage,
  DriverVersion,
  Failure,
  NativePath,
  Payload,
  PromoteRequest,
  ReadOutcome,
  Removal,
  SecretDriver,
  SecretErrorCode,
  VersionId,
} from '../index.ts'
export { isObject } from '../internal/checks.ts'
export { isAborted, sdkSignal, standardSignal, unlessAborted, type Abortable, type SdkSignal } from './abort.ts'
export {
  answerChecks,
  base64Of,
  dateOf,
  payloadOfBase64,
  payloadOfText,
  textOf,
  tokenOf,
  type AnswerChecks,
  type Effect,
  type Fields,
} from './answers.ts'
export { classifier, explained, unlessFailed, withCircumstances, withEffect, type Circumstances } from './classify.ts'
export { askedOf, Renewed, type Lasting } from './credentials.ts'
export { DriverFinding, finding, neverSent, noAnswer, refused, retryAfterMs, unsupported, untrusted } from './failure.ts'
export { httpSender, type HttpAnswer, type HttpRequest, type HttpSender, type HttpSenderOptions } from './http-sender.ts'
export { LazyClient, loadSdk } from './lazy-client.ts'
export { LentSignal } from './lent-signal.ts'
export { networkFailure } from './network-failure.ts'
export { hasMethods, isFlag, isFrom, isLike, isOneOf, isText, isToken, optionChecks, type Fits, type OptionChecks, type Rules } from './options.ts'
export { PageTokens } from './page-tokens.ts'
export { Shared } from './shared.ts'
export { traceparentOf } from './trace.ts'
export { byBytes, walkFolders, type ListFolder } from './walk-folders.ts'
export { within } from './within.ts'
