/**
 * `npm run lab`: a whole SmartSwitch on this machine, until Ctrl-C; and the
 * commands of a second terminal, which the first carries out.
 */
import { existsSync, readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

import * as Effect from "effect/Effect"

import { ask, serve } from "../layers/lab/door.ts"
import { ProcessError } from "../layers/lab/process.ts"
import { runMainWithChildren } from "./main-with-children.ts"
import { faultList, makeDesk } from "./smartswitch/desk.ts"
import { type EngineName, makeSwitch, type SmartSwitch, whyNoSwitch } from "./smartswitch/switch.ts"

const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(`${text}\n`))

const help = `A whole SmartSwitch on this machine: an NPU and up to eight DPUs.

  npm run lab [-- --engine memory|podman] [--dpus 8]   runs it until Ctrl-C

and from a second terminal:

  npm run lab -- list                  the faults there are
  npm run lab -- inject FAULT [dpuN]   brings one about; of dpu0 where none is named
  npm run lab -- heal [FAULT] [dpuN]   ends it; all of them where none is named
  npm run lab -- status                the DPUs, their services, and what is injected

The variable OFFLOADER_LAB says which lab is meant where several run: its socket.
`

interface Options {
  readonly engine: EngineName
  readonly dpus: number
}

const runLab = (options: Options) =>
  Effect.gen(function*() {
    const missing = yield* whyNoSwitch(options.engine)
    if (missing !== undefined) return yield* new ProcessError({ message: `there can be no lab here: ${missing}` })
    yield* say(`Laying the midplane and starting npu-sim and ${options.dpus} daemons.`)
    const lab = yield* makeSwitch({
      ...options,
      dist: resolve(process.argv[1] ?? "dist/smartswitch.cjs", ".."),
      onLine: (program, line) => void process.stdout.write(`${program.padEnd(8)} ${line}\n`)
    })
    const desk = makeDesk(lab)
    const socket = join(lab.folder, door)
    yield* serve(socket, (words) => Effect.zipRight(say(`\n==> ${words.join(" ")}\n`), desk(words)))
    yield* say(welcome(lab, socket))
    return yield* Effect.never
  })

const door = "lab.sock"

const welcome = (lab: SmartSwitch, socket: string): string => `
The switch runs. In a second terminal:

  npm run lab -- status
  npm run lab -- list
  npm run lab -- inject black-hole dpu3
  npm run lab -- heal
  OFFLOADER_SOCKET=${lab.dpus[0]?.lab.socket} dist/offloadctl.cjs status gnmi
  ip netns exec ${lab.dpus[0]?.namespace} ip address
  tail -f ${lab.dpus[0]?.lab.journal}

Where several labs run: export OFFLOADER_LAB=${socket}
Ctrl-C ends and removes all of it.
`

/** The one lab that runs, or that OFFLOADER_LAB names. */
const runningLab: Effect.Effect<string, ProcessError> = Effect.suspend(() => {
  const named = process.env["OFFLOADER_LAB"]
  if (named !== undefined && named !== "") return Effect.succeed(named)
  const found = readdirSync(tmpdir()).map((name) => join(tmpdir(), name, door)).filter((path) => existsSync(path))
  const [only] = found
  if (only !== undefined && found.length === 1) return Effect.succeed(only)
  return new ProcessError({
    message: only === undefined
      ? "no lab runs here; start one with npm run lab"
      : `several labs run; say which with OFFLOADER_LAB: ${found.join(", ")}`
  })
})

const parse = Effect.try({
  try: () => {
    const { positionals, values } = parseArgs({
      args: process.argv.slice(2),
      allowPositionals: true,
      options: {
        engine: { type: "string", default: "memory" },
        dpus: { type: "string", default: "8" },
        help: { type: "boolean", short: "h", default: false }
      }
    })
    const { dpus, engine } = values
    if (engine !== "memory" && engine !== "podman") throw new Error("--engine is memory or podman")
    if (!/^[1-8]$/.test(dpus)) throw new Error("--dpus is a number from 1 to 8")
    return { words: positionals, help: values.help, options: { engine, dpus: Number(dpus) } satisfies Options }
  },
  catch: (error) => new ProcessError({ message: error instanceof Error ? error.message : String(error) })
})

const main = Effect.gen(function*() {
  const { help: wanted, options, words } = yield* parse
  if (wanted || words[0] === "help") return yield* say(help)
  // What there is can be read without a lab.
  if (words[0] === "list") return yield* say(faultList)
  if (words.length > 0) return yield* say(yield* ask(yield* runningLab, words))
  return yield* Effect.scoped(runLab(options))
})

main.pipe(
  Effect.tapError(({ message }) => Effect.sync(() => void process.stderr.write(`${message}\n`))),
  runMainWithChildren
)
