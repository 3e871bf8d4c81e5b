/** The road to the NPU, from its name to an open connection: route, name, TCP. Nothing is sent on it but a handshake. */
import { createSocket } from "node:dgram"
import { lookup } from "node:dns"
import { connect, isIP } from "node:net"
import { networkInterfaces } from "node:os"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { failure, ok, patience, within } from "./finding.ts"

export interface Place {
  readonly host: string
  readonly port: number
}

export const resolve = (host: string): Effect.Effect<{ readonly finding: Finding; readonly address?: string }> => {
  const check = "name"
  if (isIP(host) !== 0) {
    return Effect.succeed({ finding: ok(check, `${host} is an address, there is no name to resolve`), address: host })
  }
  return Effect.async<string, NodeJS.ErrnoException>((resume) =>
    lookup(host, (error, address) => resume(error === null ? Effect.succeed(address) : Effect.fail(error)))
  ).pipe(
    Effect.timeoutFail({
      duration: patience,
      onTimeout: (): NodeJS.ErrnoException => Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })
    }),
    Effect.match({
      onSuccess: (address) => ({ finding: ok(check, `${host} is ${address}`), address }),
      onFailure: (error) => ({
        finding: failure(
          check,
          `${host} cannot be resolved (${error.code ?? error.message})`,
          "give the NPU's address in --npu, or add the name to /etc/hosts"
        )
      })
    })
  )
}

/** Which of this machine's addresses the system would send from; a datagram socket tells without sending. */
export const route = ({ host: address, port }: Place): Effect.Effect<Finding> => {
  const check = "midplane"
  return Effect.async<Finding>((resume) => {
    const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4")
    const end = (finding: Finding): void => {
      socket.close()
      resume(Effect.succeed(finding))
    }
    const noRoute = (error: NodeJS.ErrnoException): void =>
      end(failure(
        check,
        `there is no route to ${address} (${error.code ?? error.message})`,
        "bring eth0-midplane up and see that it has its address: ip addr show eth0-midplane; ip route"
      ))
    socket.connect(port, address, (error?: Error) => {
      if (error !== undefined && error !== null) return noRoute(error)
      const own = socket.address().address
      end(ok(check, `${address} is reached from ${own}${interfaceOf(own)}`))
    })
  })
}

const interfaceOf = (own: string): string => {
  const found = Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ address }) => address === own))
  return found === undefined ? "" : ` on ${found[0]}`
}

export const tcp = ({ host, port }: Place): Effect.Effect<Finding> => {
  const check = "TCP"
  const where = `${host}:${port}`
  return Effect.async<Finding>((resume) => {
    const begun = performance.now()
    const socket = connect({ host, port })
    const end = (finding: Finding): void => {
      socket.destroy()
      resume(Effect.succeed(finding))
    }
    socket.once("connect", () => end(ok(check, `${where} accepts, within ${Math.ceil(performance.now() - begun)} ms`)))
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(
        error.code === "ECONNREFUSED"
          ? failure(
            check,
            `${where} refuses: the NPU is there, and nothing listens on that port`,
            "start the gNOI server on the NPU (the gnmi container), or name its port in --npu; 8080 and 50052 are usual"
          )
          : failure(
            check,
            `${where} cannot be reached (${error.code ?? error.message})`,
            "see that the NPU is up and that nothing on the way filters the port"
          )
      ))
    return Effect.sync(() => socket.destroy())
  }).pipe(within(() =>
    failure(
      check,
      `${where} does not answer within ${patience / 1000} s`,
      "see that the NPU is up and that nothing on the way swallows packets for the port"
    )
  ))
}
