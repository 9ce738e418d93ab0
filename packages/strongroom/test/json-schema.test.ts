import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { checkConfig } from '../src/config/check.ts'
import { ConfigError } from '../src/index.ts'

// What an editor says by the schema, beside what the command says: the same, but for what only a whole look or an adapter can tell.

const schema = JSON.parse(readFileSync(new URL('../config.schema.json', import.meta.url), 'utf8')) as object
const byEditor = new Ajv2020({ strict: true, strictTypes: false }).compile(schema)

const ENVIRONMENT = { ACCOUNT: '123456789012', STAGE: 'prod', N: '3', YES: 'true', TYPE: 'memory', ACTION: 'secret.list', SHA: 'a'.repeat(64) }
const isValid = (config: unknown): boolean => {
  try {
    checkConfig('a test', config, ENVIRONMENT, [])
    return true
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return false
  }
}

describe('the schema for editors', () => {
  it.each([
    ['the smallest', 'stores: { main: { type: local, path: ./store } }\nmetadata: sqlite:./meta.db'],
    ['twelve digits', 'stores: { main: { type: aws, region: eu-west-1, accountId: "${ACCOUNT}" } }'],
    ['one of some words', 'stores: { main: { type: gcp, projectId: my-project, transport: "${T:-grpc}" } }'],
    ['a form and a length', 'id: ${STAGE}\nstores: { main: "memory:" }'],
    ['a whole number', 'stores: { main: "memory:" }\npolicy: { attempts: "${N}", deadlineMs: "${MS:-100}" }'],
    ['a number', 'stores: { main: { type: memory, rate: { writes: "${RATE:-0.5}" } } }'],
    ['true or false', 'stores: { main: "memory:", other: { type: memory, readOnly: "${YES}" } }'],
    ['a type', 'stores: { main: { type: "${TYPE}" } }\nmetadata: { type: "${TYPE}" }'],
    ['a part of a text', 'stores: { main: { type: local, path: "./${STAGE}/store", prefix: "${STAGE}-" } }'],
    ['an item', 'stores: { main: "memory:" }\nauthorization: [{ actors: ["*"], accounts: ["*"], actions: ["${ACTION}"] }]'],
    ['a digest', 'stores: { main: "memory:" }\nhttp: { apiKeys: [{ sha256: "${SHA}", identity: { id: a, type: user }, accounts: ["*"] }] }'],
    ['a URL', 'stores: { main: "aws://${REGION:-eu-west-1}?accountId=${ACCOUNT}" }'],
  ])('takes what is right, with a variable as %s', (_, text) => {
    const config: unknown = parse(text)
    expect(isValid(config)).toBe(true)
    expect(byEditor(config), JSON.stringify(byEditor.errors)).toBe(true)
  })

  it.each([
    ['a number as text', 'stores: { main: "memory:" }\npolicy: { attempts: "3" }'],
    ['a flag as text', 'stores: { main: "memory:", other: { type: memory, readOnly: "true" } }'],
    ['a word that is none', 'stores: { main: { type: gcp, projectId: my-project, transport: smoke } }'],
    ['a form that is none', 'id: Prod\nstores: { main: "memory:" }'],
    ['a type that is none', 'stores: { main: { type: nowhere, path: ./store } }'],
    ['a field of another type', 'stores: { main: { type: local, path: ./store, region: eu-west-1 } }'],
    ['a variable as a name', 'stores: { "${STAGE}": "memory:" }'],
    ['a literal credential', 'stores: { main: { type: vault, address: "https://v", auth: { method: token, token: "${TOKEN}" } } }'],
  ])('refuses %s', (_, text) => {
    const config: unknown = parse(text)
    expect(isValid(config)).toBe(false)
    expect(byEditor(config)).toBe(false)
  })
})
