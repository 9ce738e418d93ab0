import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { python } from '@strongroom/testbed'

const SCRIPT = `
import base64, json, sys, boto3
request = json.load(sys.stdin)
client = boto3.client('secretsmanager', endpoint_url=request['endpoint'], region_name=request['region'],
                      aws_access_key_id='x', aws_secret_access_key='y')
if request['action'] == 'read':
    answer = client.get_secret_value(SecretId=request['name'])
    text = 'SecretString' in answer
    value = answer['SecretString'].encode() if text else answer['SecretBinary']
    print(json.dumps({'text': text, 'value': base64.b64encode(value).decode(), 'version': answer['VersionId']}))
else:
    value = base64.b64decode(request['value'])
    given = {'SecretString': value.decode()} if request['text'] else {'SecretBinary': value}
    answer = client.create_secret(Name=request['name'], **given)
    print(json.dumps({'version': answer['VersionId']}))
`

interface Place {
  readonly endpoint: string
  readonly region: string
  readonly name: string
}

/** Another client in another language: what it reads was really stored in AWS's own form. */
export async function readByPython(place: Place): Promise<{ readonly text: boolean; readonly bytes: Uint8Array; readonly version: string }> {
  const answer = (await run({ action: 'read', ...place })) as { readonly text: boolean; readonly value: string; readonly version: string }
  return { text: answer.text, bytes: new Uint8Array(Buffer.from(answer.value, 'base64')), version: answer.version }
}

export async function createByPython(place: Place, text: boolean, bytes: Uint8Array): Promise<string> {
  const value = Buffer.from(bytes).toString('base64')
  return ((await run({ action: 'create', ...place, text, value })) as { readonly version: string }).version
}

async function run(request: object): Promise<unknown> {
  const child = spawn(python, ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  child.stdin.end(JSON.stringify(request))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`python ended with ${code}`)
  return JSON.parse(output)
}
