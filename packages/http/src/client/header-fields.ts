/** Those of the fields that are there. @throws TypeError for text that no header field can have: what a runtime says of it would quote it */
export function headerFields(fields: Readonly<Record<string, string | undefined>>, more?: Headers): Headers {
  const headers = new Headers(more)
  for (const [name, text] of Object.entries(fields)) {
    if (text === undefined) continue
    try {
      headers.set(name, text)
    } catch {
      throw new TypeError(`what is given for ${name} has characters that no header field can have`)
    }
  }
  return headers
}
