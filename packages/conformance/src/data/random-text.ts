import { array, integer, oneof, type Arbitrary } from 'fast-check'

const SURROGATES = { first: 0xd800, count: 0x800 }

/** Well-formed text of any code points, the ones below 128 as often as all others together. */
export function randomText(options: { readonly from: number; readonly maxLength: number }): Arbitrary<string> {
  const ascii = integer({ min: options.from, max: 0x7f })
  const any = integer({ min: options.from, max: 0x10ffff - SURROGATES.count })
  const point = oneof(ascii, any).map(code => (code < SURROGATES.first ? code : code + SURROGATES.count))
  return array(point, { minLength: 1, maxLength: options.maxLength }).map(codes => String.fromCodePoint(...codes))
}
