/** Where a signal has it. Known to every copy of this package: an adapter may have another one. */
export const TRACEPARENT: unique symbol = Symbol.for('@strongroom/traceparent') as never

export function traceparentIn(signal: AbortSignal | undefined): string | undefined {
  return (signal as { readonly [TRACEPARENT]?: string } | undefined)?.[TRACEPARENT]
}
