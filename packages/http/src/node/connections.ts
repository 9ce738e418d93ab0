import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_MS = 1000

/** What is open of a server: its sockets, the requests under way on each, and the answers that clients still have to take. */
export class Connections {
  /** As they came: one on which TLS has not been agreed upon is nowhere else. */
  readonly #sockets = new Set<Socket>()
  /** How many requests are under way on each that speaks HTTP. */
  readonly #requests = new Map<Socket, number>()
  /** With the time at which each was first seen to have begun. */
  readonly #answers = new Map<ServerResponse, number | undefined>()
  #isStopping = false

  constructor(server: Server, { isTls, answerMs }: { readonly isTls: boolean; readonly answerMs: number }) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#requests.set(socket, 0)
      socket.once('close', () => this.#requests.delete(socket))
    })
    // Nothing can be said on it: whoever is there is no client of TLS, or was silent for too long.
    server.on('tlsClientError', (_error: unknown, socket: Socket) => socket.destroy())
    server.on('request', (incoming, outgoing) => this.#began(incoming, outgoing))
    server.once('listening', () => {
      const looking = setInterval(() => this.#cutOffSlow(answerMs), Math.min(LOOK_MS, answerMs)).unref()
      server.once('close', () => clearInterval(looking))
    })
  }

  /** Lets those go on which nothing is under way, and each other once its last answer has been given. */
  finish(): void {
    this.#isStopping = true
    for (const [socket, count] of this.#requests) if (count === 0) socket.destroy()
    const established = new Set([...this.#requests.keys()].map(peerOf))
    for (const socket of this.#sockets) if (!established.has(peerOf(socket))) socket.destroy()
  }

  cutOff(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #began({ socket }: IncomingMessage, outgoing: ServerResponse): void {
    this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1)
    this.#answers.set(outgoing, undefined)
    outgoing.once('close', () => {
      this.#answers.delete(outgoing)
      const left = (this.#requests.get(socket) ?? 1) - 1
      if (left === 0 && this.#isStopping) socket.destroySoon()
      else if (this.#requests.has(socket)) this.#requests.set(socket, left)
    })
  }

  /** A client that takes no more of its answer would hold it here for as long as it likes. */
  #cutOffSlow(answerMs: number): void {
    const now = performance.now()
    for (const [outgoing, since = now] of this.#answers) {
      // One without a socket waits for the answer before it.
      if (outgoing.socket === null || !outgoing.headersSent) continue
      if (now - since >= answerMs) outgoing.destroy()
      else this.#answers.set(outgoing, since)
    }
  }
}

/** What a socket and the one of TLS on it have in common. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
