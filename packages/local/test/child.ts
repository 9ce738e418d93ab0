import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isSecretError } from '@strongroom/core'
import { localSecretStore, reencryptLocalStore } from '@strongroom/local'

// Work for a process of its own. Written synchronously, so that a line that arrived was said before the process was killed.
const say = (line: string): void => void writeSync(1, `${line}\n`)
const [command, path = '', name = '', count = '0'] = process.argv.slice(2)

const commands: Readonly<Record<string, () => Promise<void>>> = {
  async create() {
    await using store = localSecretStore({ path })
    try {
      await store.put('contended', name, { ifAbsent: true })
      say('won')
    } catch (error) {
      say(isSecretError(error) ? error.code : 'not a SecretError')
    }
  },
  async append() {
    await using store = localSecretStore({ path }, { attempts: 50 })
    for (let index = 0; index < Number(count); index += 1) say((await store.put('shared', `${name} ${index}`)).version)
  },
  /** Until it is killed. */
  async write() {
    await using store = localSecretStore({ path })
    for (let index = 0; ; index += 1) {
      await store.put(`name-${index}`, `value ${index}`)
      say(`name-${index}`)
    }
  },
  /** Kills itself without a goodbye when so many values are under another key than `name`. */
  async reencrypt() {
    const watched = new DatabaseSync(join(path, 'store.db'))
    const counted = watched.prepare('SELECT count(*) AS moved FROM versions WHERE kid <> ?')
    setInterval(() => {
      if (Number(counted.get(name)?.['moved']) >= Number(count)) process.kill(process.pid, 'SIGKILL')
    }, 1)
    await reencryptLocalStore({ path })
    say('finished')
  },
}

say('ready')
process.stdin.once('data', () => {
  void commands[command as string]?.().finally(() => process.stdin.destroy())
})
