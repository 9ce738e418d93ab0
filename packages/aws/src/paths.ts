import { DriverFinding, refused, type Failure, type NativePath } from '@strongroom/core/driver-support'

/** AWS's own secrets have a `!` in their names, and can be read; AWS refuses to make another one. */
const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/
const ARN = /^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}$/

export const NOT_A_NAME: Failure = refused('invalid_argument', {
  hint: 'the name of a secret is 1 to 512 of A-Z a-z 0-9 / _ + = . @ - in AWS; only reads take an ARN too',
})

/**
 * AWS takes an ARN, or the beginning of one, wherever it takes a name: nothing is to be written to a secret by a second path.
 * @throws DriverFinding `invalid_argument`, before anything is sent
 */
export function checkName(path: NativePath): NativePath {
  if (NAME.test(path)) return path
  throw new DriverFinding(NOT_A_NAME)
}

/** A value can be read by its ARN too, which is how clients outside this library call it. @throws DriverFinding `invalid_argument` */
export function checkReadable(path: NativePath): NativePath {
  if (isReadable(path)) return path
  throw new DriverFinding(NOT_A_NAME)
}

export function isReadable(path: NativePath): boolean {
  return NAME.test(path) || ARN.test(path)
}
