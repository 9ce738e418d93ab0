// The fastest Secrets Manager there is: one secret, no checks. A process of its own, so that it takes no time of the measured one.
import { createServer } from 'node:http'

const body = JSON.stringify({
  ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:benchmark-a1b2c3',
  Name: 'benchmark',
  VersionId: '2f6d3c1e-0000-4000-8000-000000000001',
  SecretString: '{"user":"application","password":"correct horse battery staple"}',
  VersionStages: ['AWSCURRENT'],
  CreatedDate: 1_700_000_000,
})
const headers = { 'content-type': 'application/x-amz-json-1.1', 'content-length': Buffer.byteLength(body) }

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => response.writeHead(200, headers).end(body))
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
// Without the process that measures there is nothing to serve.
process.on('disconnect', () => process.exit())
