/** What npu-sim registers for each dialect of Containerz: which names, with which answers behind them. */
import * as grpc from "@grpc/grpc-js"
import { ReflectionService } from "@grpc/reflection"
import { HealthImplementation } from "grpc-health-check"

import { containerz, inBand, oldest, os, packageDefinition, system } from "../../../proto/definition.ts"
import type { GrpcCode } from "../../../src/npu/wire.ts"
import { type HandlerOptions, makeHandlers } from "./handlers.ts"

export const dialects = ["modern", "inband", "sonic"] as const
export type SimDialect = typeof dialects[number]

/** Adds all that a server of this dialect offers. Only the modern one describes itself. */
export const register = (server: grpc.Server, dialect: SimDialect, options: HandlerOptions): void => {
  const handlers = makeHandlers({ ...options, inBand: dialect === "inband", remoteOnly: dialect === "sonic" })
  server.addService(system, handlers.system)
  server.addService(os, handlers.os)
  switch (dialect) {
    case "modern":
      server.addService(containerz, handlers.containerz)
      new ReflectionService(packageDefinition, { services: reflected }).addToServer(server)
      new HealthImplementation({ "": "SERVING", "gnoi.containerz.Containerz": "SERVING" }).addToServer(server)
      return
    case "inband":
      server.addService({ ...containerz, ...inBand }, handlers.containerz)
      return
    case "sonic": {
      const { Deploy, Log, ...newer } = containerz
      server.addService({ Deploy }, { Deploy: handlers.containerz.Deploy })
      server.addService(...refusing({ ...oldest, Log }, (name) => `method ${name} not implemented`))
      server.addService(
        ...refusing(newer, (name) => `unknown method ${name} for service gnoi.containerz.Containerz`)
      )
    }
  }
}

/** What a server of today is built from. */
const reflected = ["gnoi.containerz.Containerz", "gnoi.system.System", "gnoi.os.OS"]

/** Names with nothing behind them. */
const refusing = (
  definition: grpc.ServiceDefinition,
  why: (name: string) => string
): [grpc.ServiceDefinition, grpc.UntypedServiceImplementation] => [
  definition,
  Object.fromEntries(Object.keys(definition).map((name) => [name, refusal("UNIMPLEMENTED", why(name))]))
]

const refusal = (code: GrpcCode, details: string): grpc.UntypedHandleCall =>
  ((
    call: { emit: (event: "error", status: object) => void },
    callback: ((status: object) => void) | undefined
  ): void => {
    const status = { code: grpc.status[code], details }
    if (callback === undefined) call.emit("error", status)
    else callback(status)
  }) as grpc.UntypedHandleCall
