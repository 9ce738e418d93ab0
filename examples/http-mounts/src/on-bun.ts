import type { SecretsApp } from '@strongroom/http'

/** What is used of Bun: its types are a package of their own, `@types/bun`. */
declare const Bun: {
  serve(options: { readonly hostname: string; readonly port: number; readonly fetch: (request: Request) => Promise<Response> }): {
    readonly port: number
  }
}

export function onBun({ fetch }: SecretsApp): number {
  return Bun.serve({ hostname: '127.0.0.1', port: 0, fetch }).port
}
