/** One container's port: opened, answered as its mode says, closed with all its connections. */
import { createServer, type Server, type Socket } from "node:net"

import * as grpc from "@grpc/grpc-js"
import { HealthImplementation } from "grpc-health-check"

import type { ProbeKind } from "../../../src/model/catalogue.ts"
import type { ProbeMode } from "../engine/behaviour.ts"
import * as redis from "./redis.ts"

export type OpenMode = Exclude<ProbeMode, "refuse">

export interface OpenPort {
  /** How new connections are answered; the old ones are reset. */
  readonly setMode: (mode: OpenMode) => void
  /** Resets all connections; resolves when the port is free. */
  readonly close: () => Promise<void>
}

/** Rejects with the error of `listen`, EADDRINUSE among them. */
export const openPort = (kind: ProbeKind, host: string, port: number, first: OpenMode): Promise<OpenPort> => {
  const sockets = new Set<Socket>()
  const service = services[kind]()
  let mode = first
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    service.accept(socket, mode)
  })
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
    sockets.clear()
  }
  const opened: OpenPort = {
    setMode: (next) => {
      if (next === mode) return
      mode = next
      reset()
    },
    close: async () => {
      reset()
      service.end()
      await closed(server)
    }
  }
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      service.end()
      reject(error)
    })
    server.listen({ host, port }, () => resolve(opened))
  })
}

interface Service {
  readonly accept: (socket: Socket, mode: OpenMode) => void
  readonly end: () => void
}

/** Reads on, so that a peer's end is seen, and says nothing. */
const hang = (socket: Socket): void => void socket.resume()

const redisService = (): Service => ({
  accept: (socket, mode) => {
    if (mode === "hang") return hang(socket)
    let rest: Buffer = Buffer.alloc(0)
    socket.on("data", (bytes) => {
      if (mode === "wrong") {
        socket.write("+NOT REDIS\r\n")
        return
      }
      const answered = redis.answer(Buffer.concat([rest, bytes]))
      if (answered === undefined) {
        socket.end("-ERR Protocol error\r\n")
        return
      }
      rest = answered.rest
      if (answered.replies !== "") socket.write(answered.replies)
    })
  },
  end: () => undefined
})

/** A wrong answer to a mere connection is to hang up on it. */
const tcpService = (): Service => ({
  accept: (socket, mode) => {
    if (mode === "wrong") socket.resetAndDestroy()
    else hang(socket)
  },
  end: () => undefined
})

const grpcService = (): Service => {
  const health = (status: "SERVING" | "NOT_SERVING") => {
    const server = new grpc.Server()
    new HealthImplementation({ "": status }).addToServer(server)
    return { server, injector: server.createConnectionInjector(grpc.ServerCredentials.createInsecure()) }
  }
  const good = health("SERVING")
  const bad = health("NOT_SERVING")
  return {
    accept: (socket, mode) => {
      if (mode === "hang") hang(socket)
      else (mode === "ok" ? good : bad).injector.injectConnection(socket)
    },
    end: () => {
      for (const { injector, server } of [good, bad]) {
        injector.destroy()
        server.forceShutdown()
      }
    }
  }
}

const services: { readonly [Kind in ProbeKind]: () => Service } = {
  redis: redisService,
  tcp: tcpService,
  grpc: grpcService
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
  })
