import { askedOf, isText, isToken, refused } from '@strongroom/core/driver-support'
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'

/** An access key, or the temporary one of a session, with its token and its end. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

type Identity = Exclude<SecretsManagerClientConfig['credentials'], undefined | ((...args: never) => unknown)>

const FAILED = refused('unauthenticated', {
  hint: 'the function given as credentials failed, gave none without a line break, or took over 10 seconds',
})

/** In the SDK's form. Whatever the caller's function throws, it means that there are no credentials, and that nothing was sent. */
export function credentialsOf(given: AwsCredentials | (() => Promise<AwsCredentials>)): Identity | (() => Promise<Identity>) {
  return typeof given === 'function' ? async () => identityOf(await askedOf(given, isCredentials, FAILED)) : identityOf(given)
}

/** Whether it has what a request is signed with, in a form that its headers take; says nothing of whether it is right. */
export function isCredentials(value: unknown): value is AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken } = (value ?? {}) as Readonly<Record<string, unknown>>
  return isToken(accessKeyId) && isText(secretAccessKey) && (sessionToken === undefined || sessionToken === '' || isToken(sessionToken))
}

function identityOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: AwsCredentials): Identity {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiration }),
  }
}
