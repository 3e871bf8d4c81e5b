import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { arrange } from "../../../src/cli/arguments.ts"
import type { EventQuery } from "../../../src/cli/event-feed.ts"
import { exitCodes } from "../../../src/cli/exit-code.ts"
import { fastPath } from "../../../src/cli/fast-path.ts"
import type { Event } from "../../../src/model/event.ts"
import { commandLine, run, type Setting } from "./console.ts"
import * as views from "./views.ts"

const line = (text: string): ReadonlyArray<string> => text === "" ? [] : text.split(" ")

describe("a command line that is not understood", () => {
  const refused = (text: string, sentence: RegExp) =>
    it.effect(`exits 2 with one paragraph: ${JSON.stringify(text)}`, () =>
      Effect.gen(function*() {
        const { code, err, out } = yield* commandLine(line(text), { client: { list: Effect.succeed(views.list()) } })
        assert.deepStrictEqual([code, out], [2, ""])
        assert.match(err, sentence)
        assert.match(err, /^offloadctl: .*\n$/)
      }))
  refused("", /say what to do/)
  refused("lst", /use one of 'list'/)
  refused("start", /Missing argument <container>/)
  refused("start a b", /unknown argument: 'b'/)
  refused("list extra", /unknown argument: 'extra'/)
  refused("list --chek", /--check|--chek/)
  refused("list -o yaml", /table, json/)
  refused("status -o yaml", /--output \(-o\) is one of: table, json/)
  refused("--completions tcsh", /--completions is one of: bash, fish, sh, zsh/)
  refused("list -o", /-o|--output/)
  refused("--bogus --version", /subcommand/)
  refused("-o json --help", /subcommand/)
  refused("--check --completions bash", /subcommand/)
  refused("--socket= --version", /subcommand/)
  refused("--socket /tmp/s", /say what to do/)
  refused("start gnmi --timeout soon", /--timeout: "soon" is not a duration/)
  refused("start gnmi --timeout 0", /no time to wait; --no-wait does not wait at all$/m)
  refused("deploy a:1 --timeout 0", /no time to wait$/m)
  refused("upgrade --timeout 0", /no time to wait; without --wait nothing is waited for$/m)
  refused("rollback --timeout 0", /no time to wait; without --wait nothing is waited for$/m)
  refused("start gnmi --timeout 1000h", /eleven days/)
  refused("deploy gnmi", /has no tag/)
  refused("simulate --kill 3:before", /--kill is of a scenario's daemon: name one with --scenario/)
})

describe("an empty name, as an unset variable leaves it", () => {
  for (
    const [words, what] of [
      [["status", ""], "<container>"],
      [["status", "", "-o", "json"], "<container>"],
      [["start", ""], "<container>"],
      [["stop", "--no-wait", ""], "<container>"],
      [["retry", ""], "<container>"],
      [["retry", "--all", ""], "<container>"],
      [["logs", ""], "<container>"],
      [["release", ""], "<image>"],
      [["deploy", ""], "<image>"],
      [["replay", ""], "<file>"],
      [["events", "--container", ""], "--container"],
      [["events", "--operation", ""], "--operation"],
      [["upgrade", "--to", ""], "--to"],
      [["simulate", "--scenario", ""], "--scenario"],
      [["simulate", "--html", ""], "--html"],
      [["--socket", "", "list"], "--socket"],
      [["start", "gnmi", "--socket", ""], "--socket"]
    ] as const
  ) {
    it.effect(`exits 2 and asks nobody: ${JSON.stringify(words)}`, () =>
      Effect.gen(function*() {
        const { code, err, out } = yield* commandLine(words)
        assert.deepStrictEqual([code, out], [2, ""])
        assert.match(err, new RegExp(`^offloadctl: ${what} is empty and names nothing, .*\\n$`))
      }))
  }
})

describe("help", () => {
  it.effect("names every verb and every exit code", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* commandLine(["--help"])
      assert.deepStrictEqual([code, err], [0, ""])
      for (const verb of ["list", "status", "start", "stop", "deploy", "events", "version", "openapi", "retry"]) {
        assert.include(out, `- ${verb} `)
      }
      for (const [, meaning] of exitCodes) assert.include(out, meaning)
      assert.notInclude(out, "\u001B")
    }))

  it.effect("of a verb tells its options, wherever it is asked for", () =>
    Effect.gen(function*() {
      for (const text of ["start --help", "start gnmi --help", "start -h"]) {
        const { code, out } = yield* commandLine(line(text))
        assert.strictEqual(code, 0, text)
        assert.include(out, "$ offloadctl start", text)
        assert.include(out, "--no-wait", text)
      }
    }))

  it.effect("completes shells", () =>
    Effect.gen(function*() {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { code, out } = yield* commandLine(["--completions", shell])
        assert.strictEqual(code, 0)
        assert.include(out, "openapi")
      }
    }))
})

describe("options", () => {
  it.effect("stand before or after what they belong to", () =>
    Effect.gen(function*() {
      for (
        const text of [
          "--socket /tmp/s status gnmi",
          "status --socket /tmp/s gnmi",
          "status gnmi --socket /tmp/s",
          "status gnmi --socket=/tmp/s",
          "status -o json --socket /tmp/s gnmi",
          "--socket=/tmp/s status -- gnmi"
        ]
      ) {
        const asked: Array<unknown> = []
        const { code } = yield* commandLine(line(text), {
          client: { status: (name) => Effect.sync(() => (asked.push(name), views.status())) },
          onSocket: (path) => asked.push(path)
        })
        assert.deepStrictEqual([code, asked], [0, ["/tmp/s", "gnmi"]], text)
      }
    }))

  it.effect("of the program itself stand beside --socket as without it", () =>
    Effect.gen(function*() {
      const setting = { client: { list: Effect.succeed(views.list()) } }
      for (
        const text of [
          ...["--version", "--help", "--help list", "--completions bash", "--completions=bash"],
          ...["--log-level debug list", "--log-level=debug list", "--log-level=debug --version"]
        ]
      ) {
        const alone = yield* commandLine(line(text), setting)
        assert.strictEqual(alone.code, 0, text)
        assert.deepStrictEqual(yield* commandLine(line(`--socket /tmp/s ${text}`), setting), alone, text)
        assert.deepStrictEqual(yield* commandLine(line(`--socket=/tmp/s ${text}`), setting), alone, text)
      }
      assert.deepStrictEqual(arrange(line("--log-level debug --socket /tmp/s list")), [
        ...["--log-level", "debug"],
        ...["list", "--socket", "/tmp/s"]
      ])
    }))

  it("keeps what stands after --", () => {
    assert.deepStrictEqual(arrange(["deploy", "--", "-odd:1"]), ["deploy", "--", "-odd:1"])
    assert.deepStrictEqual(arrange(["stop", "gnmi", "--no-wait"]), ["stop", "--no-wait", "gnmi"])
  })
})

describe("version", () => {
  it.effect("tells all three", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["version"], { client: { version: Effect.succeed(views.version()) } })
      assert.strictEqual(code, 0)
      assert.match(
        out,
        /^offloadctl {2}0\.1\.0\noffloadd {4}0\.1\.0, pid 4711, started .*\nSONiC {7}20241211\.35, on dpu0\nNPU /
      )
    }))

  it.effect("tells its own without a daemon, and exits 4", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* commandLine(["version"])
      assert.deepStrictEqual([code, out], [4, "offloadctl  0.1.0\n"])
      assert.include(err, "no offloadd answers")
      assert.strictEqual(JSON.parse((yield* commandLine(["version", "-o", "json"])).out).offloadctl, "0.1.0")
    }))
})

describe("events", () => {
  const event = (sequence: number, over: Partial<Event> = {}): Event => ({
    sequence,
    at: "2026-01-01T00:00:00.000Z",
    severity: "warning",
    reason: "ContainerCrashed",
    message: "it ended by itself",
    ...over
  })
  const feed = (asked: Array<EventQuery> = []): NonNullable<Setting["events"]> => (query) => {
    asked.push(query)
    return Stream.make(event(1, { container: "gnmidpu0" }), event(2, { severity: "info", message: "a\nb" }))
  }

  it.effect("prints a line each", () =>
    Effect.gen(function*() {
      const asked: Array<EventQuery> = []
      const { code, out } = yield* commandLine(line("events --container gnmi"), { events: feed(asked) })
      assert.deepStrictEqual([code, asked], [0, [{ container: "gnmi", follow: false }]])
      assert.strictEqual(
        out,
        "2026-01-01T00:00:00.000Z  warning  gnmidpu0  ContainerCrashed: it ended by itself\n"
          + "2026-01-01T00:00:00.000Z  info     N/A  ContainerCrashed: a\\nb\n"
      )
    }))

  it.effect("asks for an operation, and for all since a time or a date", () =>
    Effect.gen(function*() {
      const asked: Array<EventQuery> = []
      yield* TestClock.adjust("3 hours")
      yield* commandLine(line("events --operation op-x-7 --since 2h"), { events: feed(asked) })
      yield* commandLine(line("events --since 2026-02-01T03:22:29Z"), { events: feed(asked) })
      assert.deepStrictEqual(asked, [
        { operation: "op-x-7", since: "1970-01-01T01:00:00.000Z", follow: false },
        { since: "2026-02-01T03:22:29.000Z", follow: false }
      ])
      const { code, err } = yield* commandLine(line("events --since yesterday"), { events: feed(asked) })
      assert.strictEqual(code, 2)
      assert.include(err, "neither a time ago")
    }))

  it.effect("prints JSON lines", () =>
    Effect.gen(function*() {
      const { out } = yield* commandLine(line("events -o json"), { events: feed() })
      assert.deepStrictEqual(out.trimEnd().split("\n").map((text) => JSON.parse(text).sequence), [1, 2])
    }))

  it.effect("exits 4 when the daemon that is followed goes away", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* commandLine(line("events -f"), { events: feed() })
      assert.strictEqual(code, 4)
      assert.include(err, "offloadd went away")
      assert.strictEqual(out.split("\n").length, 3)
    }))

  it.effect("ends quietly when the reader goes away", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(line("events -f"), {
        events: () => Stream.repeatValue(event(1)),
        closesAfter: 1
      })
      assert.deepStrictEqual([code, err], [0, ""])
    }))
})

describe("the other verbs", () => {
  it.effect("reach their programs", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* commandLine(["openapi"])).out, "{\"openapi\":\"3.1.0\"}\n")
      const client = {
        start: () => Effect.succeed(views.accepted("running")),
        stop: () => Effect.succeed(views.accepted("stopped")),
        deploy: () => Effect.succeed(views.deployStatus()),
        deployment: () => Effect.succeed(views.deployStatus({ outcome: "succeeded", phase: "done" }))
      }
      assert.include((yield* commandLine(line("start gnmi --no-wait"), { client })).out, "shall be running")
      assert.include((yield* commandLine(line("stop gnmi --no-wait"), { client })).out, "shall be stopped")
      assert.include((yield* commandLine(line("deploy a:1 --timeout 2m"), { client })).out, "deployed")
    }))
})

describe("the quick way", () => {
  const settings: Readonly<Record<string, Setting>> = {
    "all well": { client: { list: Effect.succeed(views.list()), status: () => Effect.succeed(views.status()) } },
    degraded: {
      client: {
        list: Effect.succeed(views.list({ containers: [views.container({ state: "Absent" })] })),
        status: () => Effect.succeed(views.status({ npu: views.npu({ reachable: false, reason: "gone" }) }))
      }
    },
    "an unknown container": {
      client: { status: (name) => Effect.fail({ _tag: "UnknownContainer", message: `there is no ${name}`, known: [] }) }
    },
    "a failing daemon": {
      client: {
        list: Effect.fail({ _tag: "InternalError", message: "see its log" }),
        status: () => Effect.fail({ _tag: "InternalError", message: "see its log" })
      }
    },
    "no daemon": {},
    "a closed pipe": { client: { list: Effect.succeed(views.list()) }, closesAfter: 0 },
    "a terminal": { client: { list: Effect.succeed(views.list()) }, screen: { colour: true } }
  }
  const quick = [
    "list",
    "list --check",
    "list -o json",
    "list -o table",
    "list --check -o json",
    "status",
    "status -o json",
    "status gnmi",
    "status gnmidpu0 -o json",
    "status gnmi -o table"
  ]
  for (const [name, setting] of Object.entries(settings)) {
    it.effect(`answers as the whole program does: ${name}`, () =>
      Effect.gen(function*() {
        for (const text of quick) {
          const program = yield* Option.fromNullable(fastPath(line(text)))
          assert.deepStrictEqual(yield* run(program, setting), yield* commandLine(line(text), setting), text)
        }
      }))
  }

  it("leaves everything else to the whole program", () => {
    for (
      const text of [
        "",
        "list x",
        "list --help",
        "list -o",
        "list -o yaml",
        "list -o json -o json",
        "list -o json --check",
        "list --socket /tmp/s",
        "status --help",
        "status -- gnmi",
        "status a b",
        "status --socket=/tmp/s",
        "start gnmi",
        "--version",
        "lst"
      ]
    ) assert.isUndefined(fastPath(line(text)), text)
    assert.isUndefined(fastPath(["status", ""]))
  })
})
