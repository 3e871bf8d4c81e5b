/** What an operator of the lab can ask of it from a second terminal: `inject`, `heal`, `status`, `list`. */
import * as Effect from "effect/Effect"

import { ProcessError } from "../../layers/lab/process.ts"
import { table } from "../../src/cli/table.ts"
import type { ContainerView } from "../../src/control/views.ts"
import { control } from "../lab.ts"
import { type Heal, over } from "./fault.ts"
import { type FaultName, faults } from "./faults.ts"
import type { Dpu, SmartSwitch } from "./switch.ts"

/** Answers the words of a command. */
export type Desk = (words: ReadonlyArray<string>) => Effect.Effect<string, { readonly message: string }>

interface Injected {
  readonly fault: FaultName
  /** dpu3, or `all`. */
  readonly on: string
  readonly heal: Heal
}

export const makeDesk = (lab: SmartSwitch): Desk => {
  const injected: Array<Injected> = []

  const inject = (name: string | undefined, on: string | undefined) =>
    Effect.gen(function*() {
      const fault = yield* faultOf(name)
      const { missing, on: reach } = faults[fault] as (typeof faults)[FaultName] & {
        missing?: () => string | undefined
      }
      const lacking = missing?.()
      if (lacking !== undefined) return yield* new ProcessError({ message: lacking })
      if (reach === "switch" && on !== undefined) {
        return yield* new ProcessError({ message: `${fault} is felt by all DPUs: name none` })
      }
      const dpu = yield* dpuOf(lab, on)
      const where = reach === "switch" ? "all" : dpu.name
      if (injected.some((one) => one.fault === fault && one.on === where)) {
        return yield* new ProcessError({ message: `${fault} on ${where} has been injected already; heal it first` })
      }
      const heal = yield* faults[fault].inject(lab, dpu)
      if (heal === over) return `${fault} on ${where}: done; there is nothing to heal`
      injected.push({ fault, on: where, heal })
      return `${fault} on ${where}: injected`
    })

  const heal = (name: string | undefined, on: string | undefined) =>
    Effect.gen(function*() {
      const fault = name === undefined ? undefined : yield* faultOf(name)
      const chosen = injected.filter((one) =>
        (fault === undefined || one.fault === fault) && (on === undefined || one.on === on)
      )
      if (chosen.length === 0) return yield* new ProcessError({ message: "no such fault has been injected" })
      const said: Array<string> = []
      for (const one of chosen.reverse()) {
        yield* one.heal
        injected.splice(injected.indexOf(one), 1)
        said.push(`${one.fault} on ${one.on}: healed`)
      }
      return said.join("\n")
    })

  const status = Effect.gen(function*() {
    const rows = yield* Effect.forEach(lab.dpus, (dpu) =>
      Effect.map(Effect.either(control(dpu.lab).list), (list) => {
        const here = injected.filter(({ on }) => on === "all" || on === dpu.name).map(({ fault }) => fault).join(", ")
        const cells = list._tag === "Left"
          ? ["no daemon answers", "N/A"]
          : [
            list.right.npu.reachable === true
              ? "reachable"
              : list.right.npu.reachable === null
              ? "unknown"
              : "unreachable",
            list.right.containers.map(brief).join(", ")
          ]
        return [dpu.name, ...cells, here === "" ? "none" : here].map((text) => ({ text }))
      }), { concurrency: "unbounded" })
    return table([{ title: "DPU" }, { title: "NPU" }, { title: "Services" }, { title: "Faults" }], rows, false)
  })

  return ([verb, name, on, ...rest]) => {
    if (rest.length > 0) return new ProcessError({ message: `too many words: ${rest.join(" ")}` })
    switch (verb) {
      case "inject":
        return Effect.mapError(inject(name, on), sentence)
      case "heal":
        return heal(name, on)
      case "status":
        return status
      case "list":
        return Effect.succeed(faultList)
      default:
        return new ProcessError({ message: `there is no ${verb}; there are inject, heal, status and list` })
    }
  }
}

const sentence = (error: { readonly message: string }) => ({ message: error.message })

const faultNames = Object.keys(faults) as ReadonlyArray<FaultName>

/** Every fault, and who feels it. */
export const faultList: string = table(
  [{ title: "Fault" }, { title: "Felt by" }, { title: "What happens" }],
  faultNames.map((name) =>
    [name, faults[name].on === "dpu" ? "one DPU" : "all", faults[name].summary].map((text) => ({ text }))
  ),
  false
)

const faultOf = (name: string | undefined): Effect.Effect<FaultName, ProcessError> => {
  const found = faultNames.find((one) => one === name)
  return found === undefined
    ? new ProcessError({ message: `${name === undefined ? "say which fault" : `there is no fault ${name}`}; see list` })
    : Effect.succeed(found)
}

const dpuOf = (lab: SmartSwitch, name: string | undefined): Effect.Effect<Dpu, ProcessError> => {
  const found = lab.dpus.find((dpu) => dpu.name === (name ?? "dpu0"))
  return found === undefined
    ? new ProcessError({ message: `there is no ${name}; there are ${lab.dpus.map((dpu) => dpu.name).join(", ")}` })
    : Effect.succeed(found)
}

const brief = ({ healthy, service, state, version }: ContainerView): string =>
  state === "Running"
    ? `${service} ${healthy === "False" ? "does not answer" : version ?? "runs"}`
    : `${service} ${state}`
