/** The URL that the paths of the API are relative to. @throws TypeError for one that they cannot be */
export function baseUrlOf(given: string | URL): URL {
  const base = parsed(String(given))
  if (base === undefined || !/^https?:$/.test(base.protocol)) throw new TypeError('baseUrl is a URL that begins with https:// or http://')
  // No runtime's fetch takes one, and what it says then quotes it.
  if (base.username !== '' || base.password !== '') throw new TypeError('baseUrl has no user and no password: there are apiKey and token')
  base.search = ''
  base.hash = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

function parsed(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
