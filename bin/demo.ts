/**
 * What `npm start` shows: three services come up on an npu-sim in memory, then
 * a crash, a missing image and a version mismatch are healed, each announced in
 * a line. It goes on until Ctrl-C.
 */
import { resolve as resolvePath } from "node:path"

import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { administer } from "../layers/npu-sim/admin/client.ts"
import type { ContainerView } from "../src/control/views.ts"
import {
  type Lab,
  makeLab,
  packImages,
  setVersion,
  startDaemon,
  startNpuSim,
  until as labUntil,
  writeEnvironment
} from "./lab.ts"
import { runMainWithChildren } from "./main-with-children.ts"

const before = "20260101.1"
const after = "20260201.2"

/** Something did not come about in time; `message` says what. */
class DemoError extends Data.TaggedError("DemoError")<{ readonly message: string }> {}

const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(`${text}\n`))
const announce = (text: string): Effect.Effect<void> => say(`\n==> ${text}`)

/** Waits until the daemon shows what is looked for. */
const until = (lab: Lab, what: string, holds: (containers: ReadonlyArray<ContainerView>) => boolean) =>
  labUntil(lab, what, ({ containers }) => holds(containers))

const running = (containers: ReadonlyArray<ContainerView>, version: string): boolean =>
  containers.length === 3 &&
  containers.every((container) => container.state === "Running" && container.version === version)

const fault = (lab: Lab, verb: string, args: Readonly<Record<string, string>>) =>
  Effect.tryPromise({
    try: () => administer(lab.admin, verb, args),
    catch: (error) => new DemoError({ message: `npu-sim would not ${verb}: ${String(error)}` })
  })

const demo = Effect.gen(function*() {
  const dist = process.argv[1] === undefined ? "dist" : resolvePath(process.argv[1], "..")
  const lab = yield* makeLab(dist)
  const [database, gnmi, ha] = lab.containers
  if (database === undefined || gnmi === undefined || ha === undefined) {
    return yield* new DemoError({ message: "the catalogue has not three services" })
  }
  yield* announce(`Everything of this demonstration is in ${lab.folder}; it is removed at the end.`)
  yield* packImages(lab, before)
  yield* packImages(lab, after)
  yield* setVersion(lab, before)
  const npu = yield* startNpuSim(lab)
  yield* say(`npu-sim, a stand-in NPU in memory, listens on ${npu.endpoint}.`)
  yield* announce(`offloadd starts against an empty NPU; the DPU runs SONiC ${before}.`)
  const daemon = yield* startDaemon(lab, npu.endpoint, ["--log", "pretty"], {
    onLine: (line) => process.stdout.write(`    ${line}\n`)
  })
  const fallen = Effect.flatMap(
    daemon.exit,
    (ending) => new DemoError({ message: `offloadd ended with ${ending}; its last words are above` })
  )
  yield* Effect.raceFirst(scenes(lab, database.name, gnmi.name, ha.name), fallen)
  yield* say(farewell(lab, gnmi.service, yield* writeEnvironment(lab, npu.endpoint)))
  yield* Effect.raceFirst(Effect.never, fallen)
})

const scenes = Effect.fnUntraced(function*(lab: Lab, database: string, gnmi: string, ha: string) {
  yield* until(lab, "three services running", (containers) => running(containers, before))
  yield* announce("All three run. Now gnmi crashes on the NPU.")
  yield* fault(lab, "crash", { container: gnmi })
  yield* until(
    lab,
    "gnmi restarted",
    (containers) =>
      running(containers, before) && containers.some(({ name, restarts }) => name === gnmi && restarts === 1)
  )
  yield* announce("Healed. Now ha vanishes from the NPU, and its image with it.")
  yield* fault(lab, "vanish", { container: ha })
  yield* fault(lab, "vanish-image", { image: `docker-dash-ha:${before}` })
  yield* until(
    lab,
    "ha back from its archive",
    (containers) =>
      running(containers, before) && containers.some(({ name, restarts }) => name === ha && restarts === 1)
  )
  yield* announce(`Healed. Now the DPU comes up with SONiC ${after}: every container has the wrong version.`)
  yield* setVersion(lab, after)
  yield* until(lab, "all three switched", (containers) => running(containers, after))
  yield* announce(`Healed: all three run ${after}, ${database} first.`)
})

const farewell = (lab: Lab, service: string, environment: string): string => {
  const command = `${lab.dist}/offloadctl.cjs`
  return [
    "",
    "It goes on running. In a second terminal:",
    "",
    `  . ${environment}`,
    `  ${command} list`,
    `  ${command} status ${service}`,
    `  ${command} stop ${service}        # and: start ${service}`,
    `  ${command} plan                # where the upgrade stands; and: rollback, images`,
    `  ${command} events --follow`,
    `  ${command} doctor`,
    `  ${command} deploy ${lab.images}/docker-dash-ha-${before}.tar`,
    "",
    "and break what it keeps:",
    "",
    `  ${lab.dist}/npu-sim.cjs admin --admin ${lab.admin} crash ${lab.containers[1]?.name ?? ""}`,
    "",
    "Ctrl-C ends all of it.",
    ""
  ].join("\n")
}

/** What went wrong in a sentence; a defect in full. */
const words = (cause: Cause.Cause<{ readonly message: string }>): string =>
  Either.match(Cause.failureOrCause(cause), { onLeft: ({ message }) => message, onRight: Cause.pretty })

demo.pipe(
  Effect.scoped,
  Effect.tapErrorCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : say(`\n${words(cause)}`)),
  runMainWithChildren
)
