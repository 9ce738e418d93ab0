import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_MS = 1000

/** A socket that speaks HTTP. */
interface Connection {
  /** Of the requests under way, as they came: each waits for the one before. An array, for what deadlines.ts of core tells of tables. */
  readonly answers: ServerResponse[]
  /** When the first of them was first seen to have begun. */
  since: number | undefined
}

/** What is open of a server: its sockets, the requests under way on each, and the answers that clients still have to take. */
export class Connections {
  /** As they came: one on which TLS has not been agreed upon is nowhere else. */
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Map<Socket, Connection>()
  #isStopping = false

  constructor(server: Server, { isTls, answerMs }: { readonly isTls: boolean; readonly answerMs: number }) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections.set(socket, { answers: [], since: undefined })
      socket.once('close', () => this.#connections.delete(socket))
    })
    // Nothing can be said on it: whoever is there is no client of TLS, or was silent for too long.
    server.on('tlsClientError', (_error: unknown, socket: Socket) => socket.destroy())
    server.on('request', (incoming, outgoing) => this.#began(incoming, outgoing))
    server.once('listening', () => {
      const looking = setInterval(() => this.#cutOffSlow(answerMs), Math.min(LOOK_MS, answerMs)).unref()
      server.once('close', () => clearInterval(looking))
    })
  }

  /** From now on each connection ends with the last answer that is under way on it. */
  announceEnd(): void {
    this.#isStopping = true
    for (const { answers } of this.#connections.values()) endWithLast(answers)
  }

  /** Lets those go on which nothing is under way. */
  finish(): void {
    for (const [socket, { answers }] of this.#connections) if (answers.length === 0) socket.destroy()
    const established = new Set([...this.#connections.keys()].map(peerOf))
    for (const socket of this.#sockets) if (!established.has(peerOf(socket))) socket.destroy()
  }

  cutOff(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #began({ socket }: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    const { answers } = connection
    answers.push(outgoing)
    if (this.#isStopping) endWithLast(answers)
    outgoing.once('close', () => {
      if (answers[0] === outgoing) connection.since = undefined
      answers.splice(answers.indexOf(outgoing), 1)
      if (answers.length === 0 && this.#isStopping) socket.destroySoon()
    })
  }

  /** A client that takes no more of its answer would hold it here for as long as it likes. */
  #cutOffSlow(answerMs: number): void {
    const now = performance.now()
    for (const connection of this.#connections.values()) {
      const [first] = connection.answers
      if (first?.headersSent !== true) continue
      connection.since ??= now
      if (now - connection.since >= answerMs) first.destroy()
    }
  }
}

/** The last of them says so: a client that was told to keep its connection would send its next request into nothing. */
function endWithLast(answers: readonly ServerResponse[]): void {
  for (const answer of answers) answer.shouldKeepAlive = answer !== answers.at(-1)
}

/** What a socket and the one of TLS on it have in common. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
