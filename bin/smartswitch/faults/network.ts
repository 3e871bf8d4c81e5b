/** Faults of the midplane: real cables pulled, real packets lost. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

import { cut, filter } from "../../../layers/lab/midplane.ts"
import { start } from "../../../layers/lab/process.ts"
import { type Fault, unreachable } from "../fault.ts"
import type { Dpu, SmartSwitch } from "../switch.ts"

export const cableCut: Fault = {
  summary: "the DPU's cable is pulled",
  on: "dpu",
  inject: ({ midplane }, dpu) => cut(midplane, dpu),
  shows: unreachable
}

export const blackHole: Fault = {
  summary: "every packet between the DPU and the NPU is lost, both ways",
  on: "dpu",
  inject: ({ npu }, dpu) =>
    filter(dpu, "black_hole", `${losing("input", "saddr", npu)}\n${losing("output", "daddr", npu)}`),
  shows: unreachable
}

export const answersLost: Fault = {
  summary: "a one-way black hole: what the NPU sends to the DPU is lost",
  on: "dpu",
  inject: ({ npu }, dpu) => filter(dpu, "answers_lost", losing("input", "saddr", npu)),
  shows: unreachable
}

export const requestsLost: Fault = {
  summary: "a one-way black hole: what the DPU sends to the NPU is lost",
  on: "dpu",
  inject: ({ npu }, dpu) => filter(dpu, "requests_lost", losing("output", "daddr", npu)),
  shows: unreachable
}

export const portRefused: Fault = {
  summary: "the NPU refuses the DPU at the gNOI port, by TCP reset",
  on: "dpu",
  inject: (lab, dpu) => resetting(lab, dpu, "port_refused", ""),
  shows: unreachable
}

export const resetStorm: Fault = {
  summary: "one in five packets of the DPU to the gNOI port is answered with a TCP reset",
  on: "dpu",
  inject: (lab, dpu) => resetting(lab, dpu, "reset_storm", "numgen random mod 5 == 0"),
  shows: unreachable
}

export const garbage: Fault = {
  summary: "a server that speaks no gRPC, but garbage, answers at the gNOI port",
  on: "switch",
  inject: ({ midplane, npu }) =>
    Effect.gen(function*() {
      yield* npu.administer("go-away")
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(
        start(process.execPath, ["-e", speakGarbage, String(npu.port), npu.address], {
          namespace: midplane.npu.namespace,
          env: { PATH: process.env["PATH"] ?? "" }
        }),
        scope
      )
      yield* server.line(/^garbage$/)
      return Effect.zipRight(Scope.close(scope, Exit.void), npu.administer("come-back"))
    }),
  // The port was closed for a moment before.
  shows: (list) => unreachable(list) && list.conditions.some(({ reason }) => reason === "TlsNotSpoken")
}

/** Random bytes at once and in answer to whatever comes; says `garbage` when it listens. */
const speakGarbage = `
const { randomBytes } = require("node:crypto")
const [port, host] = process.argv.slice(1)
require("node:net").createServer((socket) => {
  socket.on("error", () => undefined)
  socket.write(randomBytes(200))
  socket.on("data", () => socket.write(randomBytes(5000)))
}).listen(Number(port), host, () => console.log("garbage"))
`

const losing = (hook: "input" | "output", field: "saddr" | "daddr", npu: { readonly address: string }): string =>
  `chain ${hook} { type filter hook ${hook} priority 0; ip ${field} ${npu.address} drop; }`

/** At the NPU, for what comes from this DPU. */
const resetting = ({ midplane, npu }: SmartSwitch, dpu: Dpu, name: string, which: string) =>
  filter(
    midplane.npu,
    `${name}_${dpu.name}`,
    `chain input { type filter hook input priority 0; `
      + `ip saddr ${dpu.address} tcp dport ${npu.port} ${which} reject with tcp reset; }`
  )
