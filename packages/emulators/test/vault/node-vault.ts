import nodeVault from 'node-vault'
import { normal } from './ask.ts'

/** What node-vault answers to a round of its calls; an error is its status and message. */
export async function clientAnswers(endpoint: string, token: string): Promise<readonly unknown[]> {
  const client = nodeVault({ endpoint, token })
  const plain = nodeVault({ endpoint, token, noCustomHTTPVerbs: true })
  const root = 'secret/metadata/client'
  const calls: readonly (() => Promise<unknown>)[] = [
    () => client.write('secret/data/client/a', { data: { user: 'u', pass: 'p' }, options: { cas: 0 } }),
    () => client.write('secret/data/client/a', { data: {}, options: { cas: 0 } }),
    () => client.update('secret/data/client/a', { data: { pass: null, host: 'h' } }),
    () => client.read('secret/data/client/a'),
    () => client.read('secret/data/client/a?version=1'),
    () => client.write('secret/data/client/b/c', { data: { x: 'y' } }),
    () => client.list(root),
    () => client.list(`${root}/`),
    () => plain.list(root),
    () => client.list(`${root}/none`),
    () => client.write(`${root}/a`, { custom_metadata: { owner: 'me' }, max_versions: 5 }),
    () => client.read(`${root}/a`),
    () => client.delete('secret/data/client/a'),
    () => client.read('secret/data/client/a'),
    () => client.write('secret/undelete/client/a', { versions: [2] }),
    () => client.read('secret/data/client/a'),
    () => client.write('secret/destroy/client/a', { versions: [1] }),
    () => client.read('secret/data/client/a?version=1'),
    () => client.delete(`${root}/a`),
    () => client.delete(`${root}/a`),
    () => client.read('secret/data/client/a'),
    () => client.read('secrets/data/client/a'),
    () => client.read('auth/token/lookup-self'),
    () => nodeVault({ endpoint, token: 's.nobody' }).read('secret/data/client/a'),
  ]
  const answers: unknown[] = []
  for (const call of calls) {
    const body = await call().catch((error: Error & { readonly response?: { readonly statusCode: number; readonly body: unknown } }) => {
      if (error.response === undefined) throw error
      return { message: error.message, status: error.response.statusCode, said: error.response.body }
    })
    answers.push(normal({ status: 0, type: null, headers: new Headers(), body }))
  }
  return answers
}
