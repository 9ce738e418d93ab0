// An import of node:http reads all that it has, and with its WebSocket loads Node's fetch, which takes as long as all else of a start.
export const http = process.getBuiltinModule('node:http')
