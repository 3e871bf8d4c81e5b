/**
 * A port that swallows connections: a process listens with the shortest queue
 * and is stopped, so that the kernel answers until the queue is full and then
 * no more.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as net from "node:net"

import * as Effect from "effect/Effect"

const program = `
const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  process.stdout.write(String(server.address().port), () => process.kill(process.pid, "SIGSTOP"))
})`

/** Connections that the queue takes at most, with room. */
const most = 16

/** Its port, until the scope closes. */
export const blackHole = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const process = spawn(globalThis.process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] })
      const [port] = await once(process.stdout, "data") as [Buffer]
      const held: Array<net.Socket> = []
      for (let filled = false; !filled && held.length < most;) {
        const socket = net.connect(Number(port.toString()), "127.0.0.1")
        socket.on("error", () => {})
        held.push(socket)
        filled = await Promise.race([
          once(socket, "connect").then(() => false),
          new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 300))
        ])
      }
      return { process, held, port: Number(port.toString()) }
    }),
    ({ held, process }) =>
      Effect.promise(async () => {
        held.forEach((socket) => socket.destroy())
        process.kill("SIGKILL")
        await once(process, "exit")
      })
  ),
  ({ port }) => port
)
