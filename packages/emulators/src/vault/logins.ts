import type { WireAnswer } from '../shared/http-server.ts'
import { failure, type Flavour } from './answers.ts'
import type { TokenOptions } from './auth.ts'
import type { Fields } from './fields.ts'

interface Mounted {
  /** Where the method is mounted under `auth/`; default: its own name. */
  readonly mount?: string | undefined
}

/** A role of an auth method, and the tokens that a login with it gives. */
export type Role = TokenOptions & Mounted & (AppRole | JwtRole)

/** A role of the AppRole method. */
export interface AppRole {
  readonly auth: 'approle'
  /** Its name, for the token's metadata; default: `approle`. */
  readonly role?: string | undefined
  readonly roleId: string
  readonly secretId: string
}

/** A role of the Kubernetes method or the JWT method. */
export interface JwtRole {
  readonly auth: 'kubernetes' | 'jwt'
  readonly role: string
  /** The token that the role takes, or which ones; signatures, claims and times are not looked at. */
  readonly accepts: string | ((jwt: string) => boolean)
  /** Whose token it is, for `lookup-self`; default: the mount and the role. */
  readonly displayName?: string | undefined
}

/** A login that is let in. */
export interface Login {
  readonly role: Role
  readonly path: string
  readonly displayName: string
  readonly metadata: Readonly<Record<string, string>>
}

const METHODS = ['approle', 'kubernetes', 'jwt'] as const
const OPERATIONS = { approle: 'LoginAppRole', kubernetes: 'LoginKubernetes', jwt: 'LoginJwt' } as const

/** The auth methods: three that are always mounted by their own name, and whatever a role names. */
export class Logins {
  readonly #flavour: Flavour
  readonly #roles: Role[] = []

  constructor(flavour: Flavour) {
    this.#flavour = flavour
  }

  add(role: Role): void {
    this.#roles.push(role)
  }

  /** The operation that a login at this mount is; undefined when nothing is mounted there. */
  operationAt(mount: string): 'LoginAppRole' | 'LoginKubernetes' | 'LoginJwt' | undefined {
    const method = this.#methodAt(mount)
    return method === undefined ? undefined : OPERATIONS[method]
  }

  logIn(mount: string, fields: Fields): Login | WireAnswer {
    const here = this.#roles.filter(role => mountOf(role) === mount)
    return this.#methodAt(mount) === 'approle'
      ? this.#byAppRole(here, mount, fields)
      : byJwt(here, mount, fields, this.#methodAt(mount) === 'kubernetes')
  }

  #methodAt(mount: string): Role['auth'] | undefined {
    return this.#roles.find(role => mountOf(role) === mount)?.auth ?? METHODS.find(method => method === mount)
  }

  #byAppRole(roles: readonly Role[], mount: string, fields: Fields): Login | WireAnswer {
    const [roleId, secretId] = [textOf(fields, 'role_id'), textOf(fields, 'secret_id')]
    if (roleId === '') return failure(this.#flavour === 'openbao' ? 500 : 400, 'missing role_id')
    const known = roles.filter(role => role.auth === 'approle' && role.roleId === roleId)
    if (known.length > 0 && secretId === '') return failure(400, 'missing secret_id')
    const role = known.find(candidate => candidate.auth === 'approle' && candidate.secretId === secretId)
    if (role === undefined) return failure(400, 'invalid role or secret ID')
    return { role, path: `auth/${mount}/login`, displayName: mount, metadata: { role_name: role.role ?? 'approle' } }
  }
}

function byJwt(roles: readonly Role[], mount: string, fields: Fields, kubernetes: boolean): Login | WireAnswer {
  const [name, jwt] = [textOf(fields, 'role'), textOf(fields, 'jwt')]
  if (name === '') return failure(400, 'missing role')
  if (jwt === '') return failure(400, kubernetes ? 'missing jwt' : 'missing token')
  const named = roles.filter(role => role.auth !== 'approle' && role.role === name)
  if (named.length === 0) return failure(400, kubernetes ? `invalid role name "${name}"` : `role "${name}" could not be found`)
  const role = named.find(candidate => candidate.auth !== 'approle' && accepts(candidate, jwt))
  if (role === undefined)
    return kubernetes
      ? failure(403, 'permission denied')
      : failure(400, 'error validating token: error verifying token signature: no known key successfully validated the token signature')
  return {
    role,
    path: `auth/${mount}/login`,
    displayName: (role.auth !== 'approle' ? role.displayName : undefined) ?? `${mount}-${name}`,
    metadata: { role: name },
  }
}

function accepts({ accepts }: JwtRole, jwt: string): boolean {
  return typeof accepts === 'string' ? accepts === jwt : accepts(jwt)
}

function mountOf({ mount, auth }: Role): string {
  return mount ?? auth
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}
