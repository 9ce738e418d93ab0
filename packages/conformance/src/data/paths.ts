/** A native path that some client takes for another one. */
export interface StrangePath {
  readonly name: string
  /** What is strange about it. */
  readonly what: string
  /** `at` is a plain path that nothing else has; `longest` how many characters the backend says that a path has at most. */
  readonly path: (at: string, longest: number) => string
  /** What it could be taken for, beside `at` itself: there are other secrets. */
  readonly beside: (at: string, longest: number) => readonly string[]
}

/** In this order: what is strange, the end of the path, and the ends of those that are beside it. */
const ends: readonly (readonly [name: string, what: string, end: string, ...beside: string[]])[] = [
  ['dot-dot', 'two dots between slashes', '/a/../b', '/b'],
  ['dot-dot-at-the-end', 'two dots after a slash', '/a/..', '/', '/a'],
  ['dot', 'a dot between slashes', '/a/./b', '/a/b'],
  ['dot-at-the-end', 'a dot after a slash', '/a/.', '/a/', '/a'],
  ['three-dots', 'three dots between slashes', '/a/.../b', '/b', '/a/b'],
  ['trailing-slash', 'a slash at the end', '/'],
  ['double-slash', 'two slashes', '//b', '/b'],
  ['question-mark', 'what looks like a query', '?version=1'],
  ['hash', 'what looks like a fragment', '#b'],
  ['percent', 'a percent sign', '%', '%25'],
  ['percent-no-digits', 'a percent sign before what is no hex', '%zz'],
  ['encoded-dots', 'two dots, percent-encoded', '/a/%2e%2e/b', '/b', '/a/../b'],
  ['encoded-slash', 'a slash, percent-encoded', '%2Fb', '/b'],
  ['encoded-letter', 'a letter, percent-encoded', '%61', 'a'],
  ['encoded-twice', 'a letter, percent-encoded twice', '%2561', '%61', 'a'],
  ['encoded-nul', 'a NUL, percent-encoded', '%00'],
  ['space', 'a space', ' b', '+b', '%20b'],
  ['trailing-space', 'a space at the end', ' '],
  ['plus', 'a plus sign', '+b', ' b'],
  ['tab', 'a tab', '\tb', 'b'],
  ['newline', 'a newline', '\nb', 'b'],
  ['trailing-newline', 'a newline at the end', '\n'],
  ['carriage-return', 'a line end of HTTP', '\r\nb', 'b'],
  ['nul', 'a NUL', '\0b', 'b'],
  ['delete-character', 'a control character', '\u007fb', 'b'],
  ['backslash', 'a backslash', '\\b', '/b'],
  ['backslash-dots', 'two dots between backslashes', '\\a\\..\\b', '\\b', '/b'],
  ['composed', 'a composed letter', '\u00e9', 'e\u0301', 'e'],
  ['decomposed', 'a decomposed letter', 'e\u0301', '\u00e9', 'e'],
  ['full-width', 'a letter of full width', '\uff41', 'a'],
  ['zero-width', 'a space of no width', '\u200b'],
  ['byte-order-mark', 'a byte order mark', '\ufeff'],
  ['right-to-left', 'an override of the direction', '\u202eb', 'b'],
  ['line-separator', 'a line separator', '\u2028b', 'b'],
  ['emoji', 'an emoji', '🔑', '\u{1f513}'],
  ['lone-surrogate', 'half a character', '\ud83d', '\ufffd'],
  ['semicolon', 'a semicolon', ';b'],
  ['ampersand', 'what looks like a parameter', '&b=c'],
  ['star', 'a star', '*', 'b'],
  ['quotes', 'quotes', `'"b`, 'b'],
  ['colon', 'a colon', ':access'],
  ['tilde', 'a tilde', '~b'],
  ['braces', 'a template', '{b}'],
  ['suffix-of-an-arn', 'a hyphen and six characters, as AWS adds to a name', '-abcdef'],
  ['versions', 'what looks like the list of versions', '/versions'],
  ['version', 'what looks like a version', '/versions/1', '/versions'],
  ['latest', 'what looks like the newest version', '/versions/latest'],
  ['number', 'a number after a slash', '/1'],
  ['padded-number', 'a number of eight digits after a slash', '/00000001'],
  ['deleted', 'what looks like a state', '/deleted'],
  ['health', 'what looks like a health check', '/sys/health'],
  ['data', 'what looks like a part of the API', '/data'],
  ['metadata', 'what looks like another part of the API', '/metadata'],
]

export const strangePaths: readonly StrangePath[] = [
  ...ends.map(([name, what, end, ...beside]): StrangePath => ({
    name,
    what,
    path: at => at + end,
    beside: at => beside.map(other => at + other),
  })),
  { name: 'leading-slash', what: 'a slash at the beginning', path: at => `/${at}`, beside: () => [] },
  { name: 'dot-dot-beside', what: 'two dots that lead beside it', path: at => `${at}/../${at}x`, beside: at => [`${at}x`] },
  {
    name: 'as-long-as-can-be',
    what: 'as many characters as the backend takes',
    path: (at, longest) => at.padEnd(longest, 'x'),
    beside: (at, longest) => [at.padEnd(longest - 1, 'x')],
  },
  {
    name: 'as-long-as-can-be-and-wide',
    what: 'as many characters as the backend takes, each of several bytes',
    path: (at, longest) => at.padEnd(longest, 'é'),
    beside: () => [],
  },
  {
    name: 'one-too-long',
    what: 'one character more than the backend takes',
    path: (at, longest) => at.padEnd(longest + 1, 'x'),
    beside: (at, longest) => [at.padEnd(longest, 'x')],
  },
  {
    name: 'much-too-long',
    what: 'thousands of characters',
    path: at => at.padEnd(9_000, '/xyz'),
    beside: (at, longest) => [at.padEnd(9_000, '/xyz').slice(0, longest)],
  },
]

/** Paths that are not of anybody's making, and that some client takes for more than a name. Only ever looked at. */
export const bareWords: readonly string[] =
  '. .. ... ./ ../ ../.. / // \\ %2e%2e %2F % %00 ? # * + - ~ @ ! : ; & latest versions deleted data metadata config sys/health secrets null undefined constructor __proto__'
    .split(' ')
    .concat(' ')
