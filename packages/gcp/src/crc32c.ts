const POLYNOMIAL = 0x82_f6_3b_78
const STEP = 8

/** Bytes from which eight tables are faster than one: those of a short value would be read from a cold cache. */
const LONG = 512

/**
 * CRC-32C (Castagnoli), which Google keeps beside each value; `zlib.crc32` is another polynomial. Eight bytes a step, with a table
 * for each, where a value is long: https://en.wikipedia.org/wiki/Computation_of_cyclic_redundancy_checks#Multi-bit_computation
 */
export function crc32c(bytes: Uint8Array): number {
  const { length } = bytes
  let value = -1
  let position = 0
  if (length >= LONG) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length)
    for (; position + STEP <= length; position += STEP) {
      const low = value ^ view.getInt32(position, true)
      const high = view.getInt32(position + 4, true)
      value = passed(low, 4) ^ passed(high, 0)
    }
  }
  for (; position < length; position += 1) value = entry(0, value ^ (bytes[position] ?? 0)) ^ (value >>> 8)
  return ~value >>> 0
}

/** One after the other: what becomes of a byte when none, one, … seven more bytes follow it. */
const TABLES = tables()

function tables(): Int32Array {
  const table = new Int32Array(STEP * 256)
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
    table[byte] = value
  }
  for (let index = 256; index < table.length; index += 1) {
    const before = table[index - 256] ?? 0
    table[index] = (table[before & 0xff] ?? 0) ^ (before >>> 8)
  }
  return table
}

/** Four bytes, the first in the lowest bits, that so many more bytes of the step follow. */
function passed(word: number, following: number): number {
  return entry(following + 3, word) ^ entry(following + 2, word >>> 8) ^ entry(following + 1, word >>> 16) ^ entry(following, word >>> 24)
}

function entry(following: number, byte: number): number {
  return TABLES[following * 256 + (byte & 0xff)] ?? 0
}
