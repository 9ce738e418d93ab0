import type { SecretsApp } from '@strongroom/http'

/** What is used of Deno, whose types come with it. */
declare const Deno: {
  serve(
    options: { readonly hostname: string; readonly port: number; readonly onListen: () => void },
    handler: (request: Request) => Promise<Response>,
  ): { readonly addr: { readonly port: number } }
}

export function onDeno({ fetch }: SecretsApp): number {
  return Deno.serve({ hostname: '127.0.0.1', port: 0, onListen: () => {} }, fetch).addr.port
}
