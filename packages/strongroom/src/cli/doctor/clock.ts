import type { Attempt } from './attempt.ts'
import type { Made } from './probe.ts'
import type { StoreReport } from './report.ts'

type Clock = StoreReport['clock']

/** By the `Date` of an answer that the SDK's error has kept, as AWS's and Azure's do. HTTP counts in seconds. */
export function clockByHeader(seen: Attempt<unknown> | undefined): Clock {
  if (seen === undefined || seen.ok) return null
  const date = headerOf(seen.raw)
  const at = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(at) ? null : difference(at, 1_000, seen, 'date_header')
}

/** By the date that the backend gave to the probe's first version. */
export function clockByVersion(made: Made | undefined): Clock {
  if (made === undefined) return null
  const at = made.createdAt.getTime()
  return difference(at, at % 1_000 === 0 ? 1_000 : 1, made, 'created_version')
}

/** It was somewhen between the request and its answer, and somewhen in the unit that the backend counts in. */
function difference(
  at: number,
  unitMs: number,
  { startedAt, durationMs }: { readonly startedAt: number; readonly durationMs: number },
  by: NonNullable<Clock>['by'],
): Clock {
  return { aheadMs: Math.round(at + unitMs / 2 - (startedAt + durationMs / 2)), withinMs: Math.ceil(unitMs / 2 + durationMs / 2), by }
}

function headerOf(raw: unknown): string | undefined {
  const { $response: aws, response: azure } = (raw ?? {}) as {
    readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> }
    readonly response?: { readonly headers?: { readonly get?: (name: string) => unknown } }
  }
  const date = aws?.headers?.['date'] ?? (typeof azure?.headers?.get === 'function' ? azure.headers.get('date') : undefined)
  return typeof date === 'string' ? date : undefined
}
