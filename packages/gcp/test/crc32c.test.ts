import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../src/answers.ts'

const counting = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
const readCommand = '01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000'

describe('crc32c', () => {
  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4, whose bytes are in the other order, and the usual check value.
  test.each([
    ['32 zeroes', Buffer.alloc(32), 0x8a_91_36_aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62_a8_ab_43],
    ['32 that count up', counting, 0x46_dd_79_4e],
    ['32 that count down', Buffer.from(counting.toReversed()), 0x11_3f_db_5c],
    ['an iSCSI read command', Buffer.from(readCommand, 'hex'), 0xd9_96_3a_56],
    ['123456789', Buffer.from('123456789'), 0xe3_06_92_83],
    ['nothing', Buffer.alloc(0), 0],
  ])('%s', (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum)
  })

  test.each([...Array.from({ length: 71 }, (_, length) => length), 504, 511, 512, 513, 521, 65_536])(
    '%i random bytes, as byte by byte, wherever they begin',
    length => {
      const whole = randomBytes(length + 8)
      for (let start = 0; start < 8; start += 1) {
        const bytes = whole.subarray(start, start + length)
        expect(crc32c(bytes), bytes.toString('hex')).toBe(byteByByte(bytes))
      }
    },
  )
})

/** The definition, a bit at a time. */
function byteByByte(bytes: Uint8Array): number {
  let value = 0xff_ff_ff_ff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82_f6_3b_78 : value >>> 1
  }
  return (value ^ 0xff_ff_ff_ff) >>> 0
}
