// The process that dies. It makes `steps` calls of driver and database, and kills itself in place of the next one.
import { accountId, secretId, type VersionId } from '@strongroom/core'
import { ACCOUNT, ACTOR, newDriver, newMetadata, openRegistry, type Scenario } from './parts.ts'

const scenario = JSON.parse(process.argv[2] ?? '') as Scenario
let left = Number.POSITIVE_INFINITY

function dying<T extends object>(name: string, part: T): T {
  const plain = new Set<string | symbol>(['classify', 'close'])
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function' || plain.has(key)) return value
      return (...parameters: unknown[]) => {
        if (left === 0) process.kill(process.pid, 'SIGKILL')
        left -= 1
        process.stdout.write(`${name}.${String(key)}\n`)
        return Reflect.apply(value, target, parameters) as unknown
      }
    },
  })
}

const { endpoint, database, prefix, operation, version, steps } = scenario
const registry = await openRegistry(dying('metadata', newMetadata(database)), dying('driver', newDriver(endpoint)), prefix)
const secrets = registry.account(accountId(ACCOUNT), ACTOR)
left = steps
if (operation === 'create') await secrets.create({ key: 'new', value: 'fresh' })
else if (operation === 'update') await secrets.update(secretId(scenario.id), { value: 'second' })
else if (operation === 'rollback') await secrets.rollback(secretId(scenario.id), version as VersionId)
else await secrets.delete(secretId(scenario.id))
// Everything is done and nobody has been told: the last place to die.
if (left === 0) process.kill(process.pid, 'SIGKILL')
process.stdout.write('ended\n')
await registry.close()
