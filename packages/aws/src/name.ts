import { DriverFinding, refused, type Failure, type NativePath } from '@strongroom/core'

/** AWS's own secrets have a `!` in their names, and can be read; AWS refuses to make another one. */
const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/

export const NOT_A_NAME: Failure = refused('invalid_argument', {
  hint: 'the name of a secret is 1 to 512 of A-Z a-z 0-9 / _ + = . @ - in AWS',
})

/**
 * AWS takes an ARN, or the beginning of one, wherever it takes a name: it would be a second path to a secret.
 * @throws DriverFinding `invalid_argument`, before anything is sent
 */
export function checkName(path: NativePath): NativePath {
  if (isName(path)) return path
  throw new DriverFinding(NOT_A_NAME)
}

export function isName(path: NativePath): boolean {
  return NAME.test(path)
}
