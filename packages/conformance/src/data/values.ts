/** Values that have been changed on the way by something that sniffed, trimmed, decoded or re-encoded them. */
export const nastyTexts: readonly (readonly [what: string, value: string])[] = [
  ['one byte', 'x'],
  ['a space', ' '],
  ['a newline', '\n'],
  ['a trailing newline', 'value\n'],
  ['leading and trailing spaces', '  value \t '],
  ['CRLF', 'one\r\ntwo\r\n'],
  ['a lone CR', 'one\rtwo'],
  ['a NUL inside', 'one\0two'],
  ['a NUL alone', '\0'],
  ['control characters', '\u0001\u0002\u001b[31mred\u007f'],
  ['a byte order mark', '\ufeffvalue'],
  ['quotes', `"double" 'single' \`back\``],
  ['backslashes', 'C:\\new\\table\\u0041'],
  ['a JSON object', '{"password":"a","nested":{"b":[1,2]}}'],
  ['JSON with spaces and order', '{ "b": 1.0, "a": 1e3 }'],
  ['a JSON string', '"quoted"'],
  ['a JSON number', '007'],
  ['null', 'null'],
  ['true', 'true'],
  ['undefined', 'undefined'],
  ['NaN', 'NaN'],
  ['what looks like base64', 'aGVsbG8gd29ybGQ='],
  ['what looks like hex', 'deadbeef'],
  ['what looks like a data address', 'data:text/plain;base64,SGk='],
  ['percent signs', '100%25 %zz %00'],
  ['a template', '${HOME} {{value}} <%= x %> $(id)'],
  ['markup', '<a href="x">&amp;</a><![CDATA[x]]>'],
  ['a PEM key', `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(4)}-----END PRIVATE KEY-----\n`],
  ['umlauts', 'größe über naïve'],
  ['composed and not', '\u00e9 e\u0301'],
  ['emoji', '🔑👩‍👩‍👧‍👦🏳️‍🌈'],
  ['outside the basic plane', '\u{1F600}\u{10FFFF}'],
  ['noncharacters', '\ufffe\uffff'],
  ['the replacement character', 'a\ufffdb'],
  ['right to left', 'שלום \u202eabc\u202c'],
  ['line separators', 'a\u2028b\u2029c\u0085d'],
  ['CJK', '秘密は日本語で'],
]

const all = Uint8Array.from({ length: 256 }, (_, index) => index)

export const nastyBytes: readonly (readonly [what: string, value: Uint8Array])[] = [
  ['one zero byte', Uint8Array.of(0)],
  ['one 255', Uint8Array.of(255)],
  ['every byte', all],
  ['every byte backwards', all.toReversed()],
  ['a UTF-8 byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)],
  ['a UTF-16 byte order mark', Uint8Array.of(0xff, 0xfe, 0x61, 0x00)],
  ['overlong UTF-8', Uint8Array.of(0xc0, 0xaf)],
  ['a surrogate in UTF-8', Uint8Array.of(0xed, 0xa0, 0x80)],
  ['a UTF-8 sequence cut short', Uint8Array.of(0x61, 0xe2, 0x82)],
  ['binary that is good UTF-8', new TextEncoder().encode('plain ascii')],
  ['binary that is base64 text', new TextEncoder().encode('aGVsbG8=')],
  ['zeros at the end', Uint8Array.of(1, 2, 3, 0, 0, 0)],
  ['white space at the end', Uint8Array.of(0x61, 0x20, 0x0a)],
  ['CRLF', Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a)],
  ['a gzip header', Uint8Array.of(0x1f, 0x8b, 0x08, 0x00, 0x00)],
]

/** What every backend takes, by default in every store. */
export const portableBytes = { text: 25_000, binary: 18_750 } as const

/** Text of exactly so many bytes, of characters of one to four bytes each. */
export function textOf(bytes: number): string {
  const mixed = 'aé€🔑'
  const size = 10
  const whole = Math.floor(bytes / size)
  return mixed.repeat(whole) + 'x'.repeat(bytes - whole * size)
}

/** Binary of exactly so many bytes, which is not UTF-8. */
export function bytesOf(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (index * 151 + 255) % 256)
}
