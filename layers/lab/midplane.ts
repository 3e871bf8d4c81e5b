/**
 * The midplane of a SmartSwitch as network namespaces of this machine: the NPU
 * with a bridge, each DPU with a cable to it, addresses as on a switch. Nothing
 * outside of these namespaces is touched.
 *
 * Names hold the id of the process that made them, so that runs do not meet, and
 * what a killed run left behind is cleared away by the next.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { leftovers } from "./leftovers.ts"
import { type ProcessError, run } from "./process.ts"

/** A computer on the midplane. */
export interface Station {
  /** Name of its network namespace. */
  readonly namespace: string
  readonly address: string
}

export interface DpuStation extends Station {
  readonly number: number
  /** The end of its cable at the NPU's bridge. */
  readonly port: string
}

export interface Midplane {
  readonly npu: Station
  readonly dpus: ReadonlyArray<DpuStation>
}

/** Why no midplane can be laid here, or undefined where it can. */
export const whyNoMidplane = (): Effect.Effect<string | undefined> => {
  if (process.platform !== "linux") return Effect.succeed("network namespaces are Linux's")
  if (process.getuid?.() !== 0) return Effect.succeed("network namespaces need root")
  const needed = [["ip", "-V", "iproute2"], ["nft", "-v", "nftables"], ["nsenter", "-V", "util-linux"]] as const
  return Effect.forEach(
    needed,
    ([command, question, debian]) =>
      Effect.mapError(run(command, [question]), () => `${command} is not installed (Debian: apt-get install ${debian})`)
  )
    .pipe(
      Effect.zipRight(Effect.mapError(tried, ({ message }) => `network namespaces cannot be made here: ${message}`)),
      Effect.match({ onFailure: (reason) => reason, onSuccess: () => undefined })
    )
}

/** Lays it for DPUs 0 to `count` − 1; it is cleared away at the end of the scope, with all that still runs in it. */
export const lay = (count: number): Effect.Effect<Midplane, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    yield* clearLeftovers
    const name = `${prefix}${process.pid}-${laid += 1}`
    const npu = yield* station(`${name}-npu`, npuAddress)
    yield* ip(npu.namespace, [
      "link add bridge-midplane type bridge",
      `address add ${npuAddress}/24 dev bridge-midplane`,
      "link set bridge-midplane up"
    ])
    const dpus = yield* Effect.forEach(Array.from({ length: count }, (_, index) => index), (number) =>
      Effect.gen(function*() {
        const dpu = yield* station(`${name}-dpu${number}`, `169.254.200.${number + 1}`)
        const port = `dpu${number}`
        yield* ip(npu.namespace, [
          `link add ${port} type veth peer name eth0-midplane netns ${dpu.namespace}`,
          `link set ${port} master bridge-midplane up`
        ])
        yield* ip(dpu.namespace, [
          `address add ${dpu.address}/24 dev eth0-midplane`,
          "link set eth0-midplane up"
        ])
        return { ...dpu, number, port }
      }))
    return { npu, dpus }
  })

/** Pulls a DPU's cable; the result plugs it in again. */
export const cut = (
  midplane: Midplane,
  dpu: DpuStation
): Effect.Effect<Effect.Effect<void, ProcessError>, ProcessError> =>
  Effect.as(
    ip(midplane.npu.namespace, [`link set ${dpu.port} down`]),
    ip(midplane.npu.namespace, [`link set ${dpu.port} up`])
  )

/**
 * Filters a station's packets by nftables; `chains` is what stands in the table.
 * The result takes the table of that name away again.
 */
export const filter = (
  station: Station,
  name: string,
  chains: string
): Effect.Effect<Effect.Effect<void, ProcessError>, ProcessError> =>
  Effect.as(
    run("nft", ["-f", "-"], { namespace: station.namespace, input: `table inet ${name} {\n${chains}\n}\n` }),
    Effect.asVoid(run("nft", ["delete", "table", "inet", name], { namespace: station.namespace }))
  )

const npuAddress = "169.254.200.254"
const prefix = "offloader-"
let laid = 0

const station = (namespace: string, address: string): Effect.Effect<Station, ProcessError, Scope.Scope> =>
  Effect.as(
    Effect.acquireRelease(run("ip", ["netns", "add", namespace]), () => Effect.orDie(clear(namespace))),
    { namespace, address }
  ).pipe(Effect.tap(() => ip(namespace, ["link set lo up"])))

/** Each line as a command of `ip`, within the namespace. */
const ip = (namespace: string, lines: ReadonlyArray<string>): Effect.Effect<void, ProcessError> =>
  Effect.asVoid(run("ip", ["-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` }))

/** Ends what still runs in the namespace, by process id, and removes it. */
const clear = (namespace: string): Effect.Effect<void, ProcessError> =>
  Effect.gen(function*() {
    const pids = yield* run("ip", ["netns", "pids", namespace])
    for (const pid of pids.split("\n").filter((line) => line !== "")) {
      yield* Effect.ignore(Effect.try(() => process.kill(Number(pid), "SIGKILL")))
    }
    yield* run("ip", ["netns", "delete", namespace])
  })

const clearLeftovers: Effect.Effect<void> = Effect.suspend(() =>
  // Another run may be clearing the same away.
  Effect.forEach(leftovers("/run/netns", prefix), (name) => Effect.ignore(clear(name)), { discard: true })
)

/** That namespaces can be made, filtered and removed. */
const tried: Effect.Effect<void, ProcessError> = Effect.scoped(
  Effect.flatMap(
    Effect.suspend(() => station(`${prefix}${process.pid}-try`, "127.0.0.1")),
    (one) =>
      Effect.flatten(
        filter(one, "trial", "chain input { type filter hook input priority 0; tcp dport 1 reject with tcp reset; }")
      )
  )
)
