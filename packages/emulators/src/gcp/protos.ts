import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { load, type MessageTypeDefinition, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader'
import type { Message } from './resources.ts'
import type { GoogleStatus } from './status.ts'

/** One way to say a call in HTTP: a google.api.HttpRule. */
export interface HttpRule {
  readonly method: string
  readonly pattern: string
  readonly body: string | undefined
}

export interface Rpc {
  readonly name: string
  readonly rules: readonly HttpRule[]
  readonly decodeRequest: (bytes: Buffer) => Message
  readonly encodeRequest: (request: Message) => Buffer
  readonly encodeAnswer: (answer: Message) => Buffer
}

export interface Protos {
  /** By the path of a gRPC request. */
  readonly rpcs: ReadonlyMap<string, Rpc>
  /** A google.rpc.Status, for the trailer `grpc-status-details-bin`. */
  readonly encodeStatus: (status: GoogleStatus) => Buffer
}

const HTTP = '(google.api.http)'
const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const
type Rule = { readonly [Method in (typeof METHODS)[number]]?: string } & {
  readonly body?: string
  readonly additional_bindings?: Rule | readonly Rule[]
}

let loading: Promise<Protos> | undefined

/** Google's own descriptions of the service, as its packages for Node ship them. */
export function loadProtos(): Promise<Protos> {
  loading ??= read()
  return loading
}

async function read(): Promise<Protos> {
  const { resolve } = createRequire(import.meta.url)
  const includeDirs = ['@google-cloud/secret-manager', 'google-gax'].map(name => join(dirname(resolve(name)), '..', 'protos'))
  const files = ['google/cloud/secretmanager/v1/service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto']
  const definition = await load(files, { includeDirs, longs: String, enums: String, defaults: true })
  const service = definition['google.cloud.secretmanager.v1.SecretManagerService'] as ServiceDefinition
  const typeOf = (name: string): MessageTypeDefinition<object, object> => definition[`google.rpc.${name}`] as MessageTypeDefinition<object, object>
  return {
    rpcs: new Map(Object.entries(service).map(([name, method]) => [method.path, rpcOf(name, method)])),
    // `type_url` keeps its case: protobufjs brings google.protobuf.Any itself.
    encodeStatus: ({ code, message, details }) =>
      typeOf('Status').serialize({
        code,
        message,
        details: details.map(({ type, value }) => ({ type_url: `type.googleapis.com/google.rpc.${type}`, value: typeOf(type).serialize(value) })),
      }),
  }
}

function rpcOf(name: string, method: MethodDefinition<object, object>): Rpc {
  return {
    name,
    rules: rulesOf(method.options[HTTP] as Rule),
    decodeRequest: bytes => method.requestDeserialize(bytes) as Message,
    encodeRequest: request => method.requestSerialize(request),
    encodeAnswer: answer => method.responseSerialize(answer),
  }
}

function rulesOf({ additional_bindings: more = [], ...rule }: Rule): readonly HttpRule[] {
  const own = METHODS.flatMap(method => {
    const pattern = rule[method]
    return pattern === undefined ? [] : [{ method: method.toUpperCase(), pattern, body: rule.body }]
  })
  return [...own, ...[more].flat().flatMap(each => rulesOf(each))]
}
