import { AwsRefusal } from './errors.ts'

/** The members of a request, as they came. */
export type Input = Readonly<Record<string, unknown>>

interface Length {
  readonly min?: number
  readonly max: number
  readonly pattern?: RegExp
}

/** A member that is text. @throws AwsRefusal */
export function text(input: Input, member: string, length: Length): string | undefined {
  return checkedText(input[member], at(member), length)
}

/** A member that must be there. @throws AwsRefusal */
export function needed<Value>(value: Value | undefined, member: string): Value {
  if (value === undefined) throw invalid(`Value null at '${at(member)}'`, 'Member must not be null')
  return value
}

/** @throws AwsRefusal */
export function number(input: Input, member: string, range?: { readonly min: number; readonly max: number }): number | undefined {
  const value = input[member] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value)) throw unreadable()
  if (range !== undefined && value < range.min) throw tooSmall(value, member, range.min)
  if (range !== undefined && value > range.max) {
    throw invalid(`Value '${value}' at '${at(member)}'`, `Member must have value less than or equal to ${range.max}`)
  }
  return value
}

/** @throws AwsRefusal */
export function flag(input: Input, member: string): boolean {
  const value = input[member] ?? false
  if (typeof value !== 'boolean') throw unreadable()
  return value
}

/** @throws AwsRefusal */
export function choice<Choice extends string>(input: Input, member: string, choices: readonly Choice[]): Choice | undefined {
  const value = text(input, member, { max: 256 })
  if (value === undefined || choices.includes(value as Choice)) return value as Choice | undefined
  throw invalid(`Value '${value}' at '${at(member)}'`, `Member must satisfy enum value set: [${choices.join(', ')}]`)
}

/** A list whose items are read by `item`. @throws AwsRefusal */
export function list<Item>(
  input: Input,
  member: string,
  { min = 0, max }: { readonly min?: number; readonly max: number },
  item: (value: unknown, at: string) => Item,
): readonly Item[] | undefined {
  const value = input[member] ?? undefined
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw unreadable()
  checkLength(value.length, `Value at '${at(member)}'`, { min, max })
  return value.map((entry: unknown, index) => item(entry, `${at(member)}.${index + 1}.member`))
}

/** An item of a list that is text. @throws AwsRefusal */
export function textItem(length: Length): (value: unknown, at: string) => string {
  return (value, place) => needed(checkedText(value, place, length), place)
}

/** An item of a list that is a structure. @throws AwsRefusal */
export function structure(value: unknown): Input {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable()
  return value as Input
}

/** What a request may not have, since it is not imitated: better refused than ignored. @throws AwsRefusal */
export function without(input: Input, ...members: readonly string[]): void {
  const found = members.find(member => input[member] !== undefined && input[member] !== null)
  if (found !== undefined) throw new AwsRefusal('InvalidParameterException', `The emulator does not have ${found}.`)
}

function checkedText(given: unknown, place: string, { min = 0, max, pattern }: Length): string | undefined {
  const value = given ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw unreadable()
  checkLength(Array.from(value).length, `Value '${value}' at '${place}'`, { min, max })
  if (pattern?.test(value) === false)
    throw invalid(`Value '${value}' at '${place}'`, `Member must satisfy regular expression pattern: ${pattern.source}`)
  return value
}

/** `subject` names the member, and shows its value unless it is secret. @throws AwsRefusal */
export function checkLength(length: number, subject: string, { min, max }: { readonly min: number; readonly max: number }): void {
  if (length < min) throw invalid(subject, `Member must have length greater than or equal to ${min}`)
  if (length > max) throw invalid(subject, `Member must have length less than or equal to ${max}`)
}

export function unreadable(): AwsRefusal {
  return new AwsRefusal('SerializationException')
}

function tooSmall(value: number, member: string, min: number): AwsRefusal {
  return invalid(`Value '${value}' at '${at(member)}'`, `Member must have value greater than or equal to ${min}`)
}

function invalid(subject: string, constraint: string): AwsRefusal {
  return new AwsRefusal('ValidationException', `1 validation error detected: ${subject} failed to satisfy constraint: ${constraint}`)
}

function at(member: string): string {
  return member.charAt(0).toLowerCase() + member.slice(1)
}
