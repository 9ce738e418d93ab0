import type { GcpControls } from './gcp-controls.ts'
import { denied, invalid } from './status.ts'
import { parseName, type Name, type Project } from './resources.ts'
import type { Pages } from './pages.ts'
import type { Store } from './state.ts'

/** What every call works on. */
export interface Context {
  readonly project: Project
  /** Where given, the server is the endpoint of this region, and has no others' secrets. */
  readonly locationId: string | undefined
  readonly store: Store
  readonly controls: GcpControls
  readonly pages: Pages
}

/** The parts of a name, for this project. @throws GoogleStatus INVALID_ARGUMENT, or PERMISSION_DENIED for another project */
export function nameIn(
  { project, locationId }: Context,
  text: string,
  kind: 'parent' | 'secret' | 'version',
  permission: string,
): Name & { readonly secret: string; readonly version: string } {
  const name = parseName(text, kind)
  if (locationId !== undefined && name.location !== locationId) throw invalid(`This endpoint has only the secrets of [${locationId}].`)
  if (name.project !== project.id && name.project !== project.number) throw denied(permission, text)
  return { ...name, secret: name.secret ?? '', version: name.version ?? '' }
}

/** An etag of a secret or of a version. */
export function etagOf(context: Context): string {
  return `"${context.store.stamp().toString(16)}"`
}
