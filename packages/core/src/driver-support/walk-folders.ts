/** For authors of drivers: so many of the names in a folder that come after `after`, sorted by their bytes; folders end with a slash. */
export type ListFolder = (folder: string, after: string | undefined) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>

interface Frame {
  readonly folder: string
  names: string[]
  after: string | undefined
  ended: boolean
}

/** Requests that one page may cost before it ends early. */
const LISTS = 20

export interface FolderWalk {
  readonly prefix: string
  readonly page: string | undefined
  /** Paths of a page. */
  readonly size: number
  /** Whether the driver takes this path; what it does not take is left out. */
  readonly isPath: (path: string) => boolean
}

/**
 * For authors of drivers: a page of the paths that begin with `prefix`, folder within folder, in one order, for a backend that lists
 * one folder at a time. The token of the next page is the last path that was dealt with, so that pages stay whole while others write;
 * one that ends with a slash is a folder with all that is in it.
 */
export async function walkFolders(
  { prefix, page, size, isPath }: FolderWalk,
  list: ListFolder,
): Promise<{ readonly paths: readonly string[]; readonly next: string | undefined }> {
  const root = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const stack = framesTo(root, page)
  const paths: string[] = []
  let position = page
  let lists = 0
  for (;;) {
    const frame = stack.at(-1)
    if (frame === undefined) return { paths, next: undefined }
    const name = frame.names.shift()
    if (name === undefined && frame.ended) {
      stack.pop()
      if (stack.length > 0) position = frame.folder
    } else if (name === undefined) {
      // Never without a step forward: the next page would begin where this one did.
      if (lists >= LISTS && position !== page) return { paths, next: position }
      lists += 1
      const { names, more } = await list(frame.folder, frame.after)
      frame.names = [...names]
      // A Vault answers the whole folder again, however much is asked for.
      frame.ended = !more || names.length === 0
    } else {
      frame.after = name
      const path = frame.folder + name
      const isOurs = path.startsWith(prefix) && isPath(path)
      if (isOurs && name.endsWith('/')) stack.push({ folder: path, names: [], after: undefined, ended: false })
      else {
        position = path
        if (isOurs) paths.push(path)
        if (paths.length >= size) return { paths, next: position }
      }
    }
  }
}

/** The folders from the root down to where a page begins, each with the name that it goes on after. */
function framesTo(root: string, page: string | undefined): Frame[] {
  const frames: Frame[] = []
  let folder = root
  // eslint-disable-next-line no-unmodified-loop-condition -- `folder` is what changes
  for (let rest = page?.slice(root.length); ;) {
    const cut = rest === undefined ? -1 : rest.indexOf('/') + 1
    const after = rest === undefined ? undefined : cut > 0 ? rest.slice(0, cut) : rest
    frames.push({ folder, names: [], after, ended: false })
    if (rest === undefined || cut <= 0 || cut === rest.length) return frames
    folder += rest.slice(0, cut)
    rest = rest.slice(cut)
  }
}

/** For authors of drivers: compares text by the bytes of its UTF-8, as most backends sort. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
