import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import type { Sighting } from "../../../src/model/look.ts"
import { WireError } from "../../../src/npu/wire.ts"
import { defaults } from "../../../src/policy/policy.ts"
import { archive, failure, row, type Script, withNpu } from "./scripted.ts"

const sightings = (script: Script, ...names: ReadonlyArray<string>) =>
  withNpu(script, (npu, calls) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(npu.look(names))
      yield* TestClock.adjust("1 minute")
      const { result } = yield* Fiber.join(fiber)
      return {
        calls: calls.length,
        result,
        tags: result._tag === "Seen" ? names.map((name) => (result.sightings.get(name) as Sighting)._tag) : []
      }
    }))

describe("a look", () => {
  it.effect("takes names with slashes and commas apart", () =>
    Effect.gen(function*() {
      const { calls, tags } = yield* sightings({ lists: [[row("/other,/ha", "RUNNING")]] }, "ha")
      assert.deepStrictEqual([tags, calls], [["Running"], 1])
    }))

  it.effect("counts PRESENT as stopped and NOT_FOUND as absent once confirmed", () =>
    Effect.gen(function*() {
      const { tags } = yield* sightings(
        { lists: [[row("a", "PRESENT"), row("b", "NOT_FOUND"), row("c", "STOPPED")]] },
        "a",
        "b",
        "c"
      )
      assert.deepStrictEqual(tags, ["Stopped", "Absent", "Stopped"])
    }))

  it.effect("needs two complete lists for Absent", () =>
    Effect.gen(function*() {
      const gone = yield* sightings({ lists: [[], []] }, "ha")
      assert.deepStrictEqual([gone.tags, gone.calls], [["Absent"], 2])
      const back = yield* sightings({ lists: [[], [row("ha", "RUNNING")]] }, "ha")
      assert.deepStrictEqual(back.tags, ["Running"], "an empty list now and then is not the truth")
      const failed = yield* sightings({ lists: [[], failure("INTERNAL", "peer")] }, "ha")
      assert.strictEqual(failed.result._tag, "Failed")
    }))

  it.effect("settles UNSPECIFIED by a list of the running ones", () =>
    Effect.gen(function*() {
      const leftover = yield* sightings({ lists: [[row("ha", "UNSPECIFIED")], []] }, "ha")
      assert.deepStrictEqual(leftover.tags, ["Stopped"])
      const running = yield* sightings({ lists: [[row("ha", "UNSPECIFIED")], [row("ha", "RUNNING")]] }, "ha")
      assert.deepStrictEqual(running.tags, ["Running"])
      const unclear = yield* sightings({ lists: [[row("ha", "UNSPECIFIED")], [row("ha", "UNSPECIFIED")]] }, "ha")
      assert.deepStrictEqual(unclear.tags, ["Unknown"])
    }))

  it.effect("believes the second list where the two differ about a container that the first had", () =>
    Effect.gen(function*() {
      const seen = (first: string | undefined, second: string | undefined) =>
        Effect.map(
          sightings(
            {
              lists: [first, second].map((status) => status === undefined ? [] : [row("db", status)])
            },
            "db",
            "ha"
          ),
          ({ tags }) => tags[0]
        )
      assert.strictEqual(yield* seen("STOPPED", "RUNNING"), "Running", "somebody started it meanwhile")
      assert.strictEqual(yield* seen("RUNNING", "STOPPED"), "Stopped")
      assert.strictEqual(yield* seen("RUNNING", undefined), "Unknown", "one list without it proves nothing")
      assert.strictEqual(yield* seen("STOPPED", undefined), "Unknown")
      assert.strictEqual(yield* seen("RUNNING", "UNSPECIFIED"), "Unknown")
    }))

  it.effect("believes the list of the running ones where it differs from the list of all", () =>
    Effect.gen(function*() {
      const unclear = row("ha", "UNSPECIFIED")
      const seen = (
        first: string,
        running: ReadonlyArray<unknown>,
        ...further: ReadonlyArray<ReadonlyArray<unknown>>
      ) =>
        Effect.map(
          sightings({ lists: [[row("db", first), unclear], running, ...further] }, "db", "ha", "absent"),
          ({ tags }) => tags
        )
      const last = [row("db", "STOPPED"), unclear]
      assert.deepStrictEqual(
        yield* seen("STOPPED", [row("db", "RUNNING")], [row("db", "RUNNING"), unclear]),
        ["Running", "Stopped", "Absent"]
      )
      assert.deepStrictEqual(yield* seen("STOPPED", [], last), ["Stopped", "Stopped", "Absent"])
      const running = (rows: ReadonlyArray<unknown>) =>
        Effect.map(sightings({ lists: [[row("db", "RUNNING"), unclear], rows] }, "db", "ha"), ({ tags }) => tags)
      assert.deepStrictEqual(yield* running([]), ["Unknown", "Stopped"])
      assert.deepStrictEqual(yield* running([row("db", "UNSPECIFIED")]), ["Unknown", "Stopped"])
      assert.deepStrictEqual(yield* running([row("db", "RUNNING")]), ["Running", "Stopped"])
      const twice = sightings(
        {
          lists: [[row("db", "RUNNING"), { ...row("db", "RUNNING"), id: "another" }, unclear], [row("db", "RUNNING")]]
        },
        "db",
        "ha"
      )
      assert.deepStrictEqual((yield* twice).tags, ["Unknown", "Stopped"], "two of one name stay two")
    }))

  it.effect("is Unknown about two containers of one name and about a status from the future", () =>
    Effect.gen(function*() {
      const two = yield* sightings(
        { lists: [[row("ha", "RUNNING"), { ...row("ha", "STOPPED"), id: "another" }]] },
        "ha"
      )
      assert.deepStrictEqual(two.tags, ["Unknown"])
      const future = yield* sightings({ lists: [[row("ha", "9")], [row("ha", "9")]] }, "ha")
      assert.deepStrictEqual(future.tags, ["Unknown"])
    }))

  it.effect("fails whole on a row that makes no sense", () =>
    Effect.gen(function*() {
      const { result } = yield* sightings({ lists: [[{ id: 7 }]] }, "ha")
      assert.isTrue(result._tag === "Failed" && result.reachable)
    }))

  it.effect("believes no row with an endless id or image, and no endless version", () =>
    Effect.gen(function*() {
      const reasonOf = (odd: object) =>
        withNpu({ lists: [[{ ...row("/gnmi", "RUNNING"), ...odd }]] }, (npu) =>
          Effect.map(npu.look(["gnmi"]), ({ result }) => result._tag === "Failed" ? result.reason : result._tag))
      assert.include(yield* reasonOf({ id: "f".repeat(300) }), "endless id or image")
      assert.include(yield* reasonOf({ imageName: "f".repeat(5000) }), "endless id or image")
      const labels = { Tag: "1".repeat(5000) }
      const { result } = yield* withNpu(
        { lists: [[{ ...row("/gnmi", "RUNNING", "gnmi:latest"), labels }]] },
        (npu) =>
          npu.look(["gnmi"])
      )
      assert.deepInclude(result._tag === "Seen" && result.sightings.get("gnmi"), { version: undefined })
    }))

  it.effect("cuts off what a server says without end", () =>
    withNpu(
      { lists: [failure("INVALID_ARGUMENT", "peer", "x".repeat(100_000))] },
      (npu) =>
        Effect.map(Effect.flip(npu.images), ({ reason }) => {
          assert.isBelow(reason.length, 1100)
          assert.match(reason, /x… \(\d+ characters more\)$/)
        })
    ))

  it.effect("asks twice before it says that the NPU is unreachable", () =>
    Effect.gen(function*() {
      const lost = yield* sightings({ lists: [failure("UNAVAILABLE", "local")] }, "ha")
      assert.isTrue(lost.result._tag === "Failed" && !lost.result.reachable)
      assert.strictEqual(lost.calls, 2)
      const once = yield* sightings({ lists: [failure("UNAVAILABLE", "local"), [row("ha", "RUNNING")]] }, "ha")
      assert.deepStrictEqual(once.tags, ["Running"], "a connection closed while idle is routine")
    }))

  it.effect("does not call an NPU unreachable that answers with an error of its own", () =>
    Effect.gen(function*() {
      const { result } = yield* sightings({ lists: [failure("UNAVAILABLE", "peer", "engine restarts")] }, "ha")
      assert.isTrue(result._tag === "Failed" && result.reachable && result.reason.includes("engine restarts"))
    }))

  it.effect("carries what is wrong with the transport, and is not let in by one that does not know us", () =>
    Effect.gen(function*() {
      const expired = new WireError({
        method: "ListContainer",
        code: "UNAVAILABLE",
        origin: "local",
        details: "too old",
        fault: "CertificateExpired"
      })
      const { result } = yield* sightings({ lists: [expired] }, "ha")
      assert.deepInclude(result, { _tag: "Failed", reachable: false, fault: "CertificateExpired" })
      const stranger = yield* sightings({ lists: [failure("UNAUTHENTICATED", "peer", "who are you?")] }, "ha")
      assert.deepInclude(stranger.result, { _tag: "Failed", reachable: false, fault: "Unauthenticated" })
    }))

  it.effect("reads the version from the tag, or from the label where the tag tells none", () =>
    Effect.gen(function*() {
      const version = (imageName: string, labels: Record<string, string> = {}) =>
        Effect.map(sightings({ lists: [[{ ...row("ha", "RUNNING", imageName), labels }]] }, "ha"), ({ result }) => {
          const sighting = result._tag === "Seen" ? result.sightings.get("ha") : undefined
          return sighting?._tag === "Running" ? sighting.version : "?"
        })
      assert.strictEqual(yield* version("host:5000/docker-dash-ha:1.2"), "1.2")
      assert.strictEqual(yield* version("docker-dash-ha:latest", { Tag: "1.3" }), "1.3")
      assert.isUndefined(yield* version("docker-dash-ha:latest"))
      assert.isUndefined(yield* version("docker-dash-ha"))
      // What engines show once the name of a running container's image is gone.
      assert.isUndefined(yield* version(`sha256:${"ab".repeat(32)}`))
      assert.isUndefined(yield* version(`docker-dash-ha@sha256:${"ab".repeat(32)}`))
      assert.isUndefined(yield* version("abababababab"))
    }))
})

describe("a deploy", () => {
  const listed = { id: "ab".repeat(6), imageName: "localhost/docker-dash-ha", tag: "1.0,2.0" }
  const done = { messages: [{ imageTransferSuccess: { name: "", tag: "", imageSize: "0" } }], sentBytes: 10 }
  const deploy = (script: Script) => withNpu(script, (npu) => Effect.either(npu.deploy(archive, () => undefined)))

  it.effect("is done when ListImage shows it, under the name that the engine made of it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* deploy({ deploy: done, lists: [[listed]] }))._tag, "Right")
    }))

  it.effect("is not done when it was called a success and is not there", () =>
    Effect.gen(function*() {
      const result = yield* deploy({ deploy: done, lists: [[{ ...listed, tag: "1.0" }]] })
      assert.isTrue(
        result._tag === "Left" && result.left.class === "BadAnswer" && result.left.reason.includes("ListImage")
      )
    }))

  it.effect("recognises an image under another name by its digest", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* deploy({ deploy: done, lists: [[{ ...listed, imageName: "other" }]] }))._tag, "Right")
      const foreign = { ...listed, imageName: "other", id: "cd".repeat(6) }
      assert.strictEqual((yield* deploy({ deploy: done, lists: [[foreign]] }))._tag, "Left")
    }))

  const before = (rows: ReadonlyArray<unknown>, after: ReadonlyArray<unknown>) =>
    Effect.map(
      deploy({ deploy: done, lists: [rows, after] }),
      (result) => result._tag === "Left" ? result.left.reason : "done"
    )
  const other = { ...listed, id: "cd".repeat(32) }

  it.effect("is not done where the name has the id that it had before, and that is another image's", () =>
    Effect.gen(function*() {
      assert.match(
        yield* before([other], [other]),
        /docker-dash-ha:2\.0 is there, but it is another image: ListImage shows the id cdcdcdcdcdcd as before, and what was sent is abababababab/
      )
      const short = { ...other, id: "sha256:cdcdcdcdcdcd" }
      assert.match(yield* before([other], [short]), /another image/, "shortened by one list")
      assert.match(yield* before([short], [other]), /another image/, "or by the other")
      assert.match(yield* before([other], [other, { ...other, tag: "1.0" }]), /another image/)
    }))

  it.effect("is done by its name where the id proves nothing", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* before([], [other]), "done", "a digest of another kind, and new")
      assert.strictEqual(yield* before([{ ...other, id: "ef".repeat(32) }], [other]), "done", "it was replaced")
      assert.strictEqual(yield* before([{ ...other, tag: "1.0" }], [other]), "done", "under another tag before")
      for (const id of ["", "cdcdcd"]) {
        assert.strictEqual(yield* before([{ ...other, id }], [{ ...other, id }]), "done", "no id is told")
      }
      assert.strictEqual(yield* before([listed], [listed]), "done", "sent over itself")
      assert.strictEqual(yield* before([other], [other, { ...listed, imageName: "a" }]), "done", "by the digest")
    }))

  it.effect("sends nothing where no list would prove that it arrived", () =>
    withNpu({ deploy: done, lists: [failure("UNAVAILABLE", "local")] }, (npu, calls) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.flip(npu.deploy(archive, () => undefined)))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(fiber)).class, "Unreachable")
        assert.isFalse(calls.some(([method]) => method === "Deploy"))
      })))

  it.effect("takes the server's own error for what it is", () =>
    Effect.gen(function*() {
      const refused = {
        messages: [{ imageTransferError: { code: 13, message: "unable to load image" } }],
        sentBytes: 10
      }
      const result = yield* deploy({ deploy: refused, lists: [[listed]] })
      assert.isTrue(result._tag === "Left" && result.left.reason.includes("unable to load image"))
    }))
})

describe("a mutating call", () => {
  it.effect("is sent once, whatever comes back", () =>
    Effect.gen(function*() {
      for (
        const error of [
          failure("UNAVAILABLE", "local"),
          failure("DEADLINE_EXCEEDED", "local"),
          failure("INTERNAL", "peer")
        ]
      ) {
        const sent = yield* withNpu({ unary: error }, (npu, calls) =>
          Effect.gen(function*() {
            const result = yield* Effect.either(npu.stop("ha", false))
            assert.isTrue(result._tag === "Left" && defaults.rpc.StopContainer.on[result.left.class] === "readBack")
            return calls.length
          }))
        assert.strictEqual(sent, 1)
      }
    }))

  it.effect("does not take an empty answer for a start", () =>
    Effect.gen(function*() {
      const spec = {
        service: "ha",
        name: "ha",
        repository: "docker-dash-ha",
        after: [],
        ports: [],
        environment: {},
        volumes: [],
        labels: {},
        network: "host"
      }
      const start = (unary: unknown) => withNpu({ unary }, (npu) => Effect.either(npu.start(spec, archive.image)))
      assert.strictEqual((yield* start({ startOk: { instanceName: "ha" } }))._tag, "Right")
      const refused = yield* start({ startError: { details: "port used" } })
      assert.isTrue(refused._tag === "Left" && refused.left.reason.includes("port used"))
      assert.strictEqual((yield* start({}))._tag, "Left")
    }))
})
