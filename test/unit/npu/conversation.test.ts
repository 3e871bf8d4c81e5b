import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { make } from "../../../src/npu/conversation.ts"
import type { MethodName } from "../../../src/npu/messages.ts"
import { type ConnectionEvent, type GrpcCode, WireError, type WireService } from "../../../src/npu/wire.ts"
import { defaults } from "../../../src/policy/policy.ts"

type Answer = ReadonlyArray<unknown> | GrpcCode | "lost"

const described = [{
  fileDescriptorResponse: {
    fileDescriptorProto: [{
      package: "gnoi.containerz",
      messageType: [],
      service: [{ name: "Containerz", method: [{ name: "ListContainer" }] }]
    }]
  }
}]

/** A wire that answers reflection so, in turn, and tells the time as it is, and a second. */
const wire = (
  answers: Partial<Record<MethodName, ReadonlyArray<Answer>>>,
  connection: WireService["connection"] = Stream.never
) => {
  const asked: Array<MethodName> = []
  const fulfilled: WireService = {
    endpoint: "npu:8080",
    unary: (method) => {
      asked.push(method)
      return TestClock.currentTimeMillis.pipe(
        Effect.map((now) => ({ time: `${now + 1000}000000` }) as never)
      )
    },
    collect: (method) =>
      Effect.suspend(() => {
        const times = asked.filter((one) => one === method).length
        asked.push(method)
        const script = answers[method] ?? ["UNIMPLEMENTED"]
        const answer = script[Math.min(times, script.length - 1)]!
        if (typeof answer !== "string") return Effect.succeed(answer as never)
        return new WireError(
          answer === "lost"
            ? { method, code: "UNAVAILABLE", origin: "local", details: "refused" }
            : { method, code: answer, origin: "peer", details: "" }
        )
      }),
    stream: () => Stream.empty,
    deploy: () => Effect.die("nothing is deployed here"),
    connection
  }
  return { asked, fulfilled }
}

/** What is known after a minute in which a list was given. */
const known = (answers: Partial<Record<MethodName, ReadonlyArray<Answer>>>) =>
  Effect.gen(function*() {
    const { asked, fulfilled } = wire(answers)
    const conversation = yield* make(fulfilled, defaults, false)
    yield* Effect.forkScoped(conversation.attend)
    yield* TestClock.adjust("1 minute")
    conversation.noteList("ListContainer")
    const speech = Option.getOrThrow(yield* Stream.runHead(conversation.speech))
    return { asked, clock: conversation.clock(), speech: `${speech.dialect} by ${speech.by}` }
  })

describe("a conversation", () => {
  it.scoped("asks for reflection, and the clock after it", () =>
    Effect.gen(function*() {
      const { asked, clock, speech } = yield* known({ Reflection: [described] })
      assert.deepStrictEqual([speech, asked], ["modern by reflection", ["Reflection", "Time"]])
      assert.strictEqual(clock?.difference, 1000)
    }))

  it.scoped("asks for the older reflection where there is no newer one", () =>
    Effect.gen(function*() {
      const { asked, speech } = yield* known({ ReflectionAlpha: [described] })
      assert.deepStrictEqual([speech, asked], ["modern by reflection", ["Reflection", "ReflectionAlpha", "Time"]])
    }))

  it.scoped("goes by answers where reflection is not there, is denied, or makes no sense", () =>
    Effect.gen(function*() {
      const nonsense = [{ fileDescriptorResponse: { fileDescriptorProto: [{ package: "gnoi.containerz" }] } }]
      for (const answer of ["UNIMPLEMENTED", "PERMISSION_DENIED", "INTERNAL", nonsense, [], [{}]] as const) {
        const { speech } = yield* known({ Reflection: [answer] })
        assert.strictEqual(speech, "modern by answers", JSON.stringify(answer))
      }
    }))

  it.scoped("asks again after the way failed, ever more slowly", () =>
    Effect.gen(function*() {
      const { asked, speech } = yield* known({ Reflection: ["lost", "lost", described] })
      assert.deepStrictEqual([speech, asked.filter((method) => method === "Reflection").length], [
        "modern by reflection",
        3
      ])
    }))

  it.scoped("asks at a pace where each question breaks the connection, and the next call connects again", () =>
    Effect.gen(function*() {
      const events = yield* Queue.unbounded<ConnectionEvent>()
      const { asked, fulfilled } = wire({ Reflection: ["lost"] }, Stream.fromQueue(events))
      const breaking: WireService = {
        ...fulfilled,
        collect: (method, request, deadline) =>
          Effect.tapError(fulfilled.collect(method, request, deadline), () =>
            Queue.offerAll(events, [
              { _tag: "Disconnected", reason: "reset", routine: false },
              { _tag: "Connected" }
            ]))
      }
      const conversation = yield* make(breaking, defaults, false)
      yield* Effect.forkScoped(conversation.attend)
      yield* TestClock.adjust("1 hour")
      const times = asked.filter((method) => method === "Reflection").length
      // In the end two a minute: the ladder's cap, and each question is repeated once, at once.
      assert.isAtLeast(times, 50)
      assert.isAtMost(times, 150)
    }))

  it.scoped("compares clocks again after a while", () =>
    Effect.gen(function*() {
      const { asked, fulfilled } = wire({ Reflection: [described] })
      const conversation = yield* make(fulfilled, defaults, false)
      yield* Effect.forkScoped(conversation.attend)
      yield* TestClock.adjust(defaults.clock.period * 3)
      assert.strictEqual(asked.filter((method) => method === "Time").length, 4)
    }))
})
