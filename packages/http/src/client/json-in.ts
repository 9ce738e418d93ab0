/** What an answer says, where it is JSON; nothing is said of what it is instead, which may quote the request. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what it should say is known where it is looked at, and only there
export function jsonIn<Said extends object>(text: string): Partial<Said> | null | undefined {
  try {
    return JSON.parse(text) as Partial<Said> | null
  } catch {
    return undefined
  }
}
