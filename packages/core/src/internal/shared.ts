interface Closable {
  close(): Promise<void>
}

const users = new WeakMap<Closable, number>()

/** One more open object uses this part (a driver or a database). */
export function retain(part: Closable): void {
  users.set(part, (users.get(part) ?? 0) + 1)
}

/** One user less, and nothing closed: what failed to open leaves its parts to the caller. */
export function disown(part: Closable): void {
  users.set(part, (users.get(part) ?? 1) - 1)
}

/** One user less; the last one closes the part, so that a registry and a reader can share a driver. */
export async function release(part: Closable): Promise<void> {
  const left = (users.get(part) ?? 1) - 1
  users.set(part, left)
  if (left === 0) await part.close()
}
