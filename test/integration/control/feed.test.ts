/** What offloadctl reads of streams from the socket, where the daemon or a container says too much. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { feed } from "../../../layers/control/feed.ts"
import { lineLimit } from "../../../layers/control/lines.ts"
import { answerTimeout } from "../../../src/control/answer-time.ts"
import { answering } from "./fixture.ts"

const output = { container: "gnmi", follow: true, previous: false }

const head = (status: number): string => `HTTP/1.1 ${status} Whatever\r\n\r\n`

describe("a feed", () => {
  it.scopedLive("cuts a line without end where it says so, and goes on with the next", () =>
    Effect.gen(function*() {
      const path = yield* answering((socket) => {
        socket.end(`${head(200)}before\n${"x".repeat(8 * 2 ** 20)}\n\nafter\nlast`)
      })
      const lines = Chunk.toReadonlyArray(yield* Stream.runCollect(feed(path).output(output)))
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/^x+/, (all) => `${all.length} x`)),
        ["before", `${lineLimit} x [cut here: the line is longer than ${lineLimit} characters]`, "", "after", "last"]
      )
    }))

  it.scopedLive("shows the cut line while it still goes on, and takes one of the longest whole", () =>
    Effect.gen(function*() {
      const path = yield* answering((socket) => {
        socket.write(`${head(200)}${"y".repeat(lineLimit)}\n${"x".repeat(lineLimit + 1)}`)
      })
      const lines = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(feed(path).output(output), 2)))
      assert.strictEqual(lines[0], "y".repeat(lineLimit))
      assert.match(lines[1]!, /^x+ \[cut here/)
    }))

  it.scopedLive("fails at an event or a refusal that does not end", () =>
    Effect.gen(function*() {
      const endless = (status: number) =>
        answering((socket) => {
          socket.write(head(status))
          const more = () => {
            while (!socket.destroyed && socket.write(Buffer.alloc(2 ** 20, "["))) {
              // until it is full
            }
          }
          socket.on("drain", more)
          more()
        })
      for (const [status, why] of [[200, "an event that is longer than"], [404, "it is too long"]] as const) {
        const path = yield* endless(status)
        const error = yield* Effect.flip(Stream.runDrain(feed(path).events({ follow: true })))
        assert.strictEqual(error._tag, "BadReply")
        assert.include(error.message, why)
      }
    }))

  it.scopedLive("holds its daemon back where its reader is slow", () =>
    Effect.gen(function*() {
      const line = `${"z".repeat(1023)}\n`
      const total = 32 * 2 ** 20
      let written = 0
      const path = yield* answering((socket) => {
        socket.write(head(200))
        const more = () => {
          while (written < total) {
            written += line.length
            if (!socket.write(line)) return
          }
          socket.end()
        }
        socket.on("drain", more)
        more()
      })
      let read = 0
      let ahead = 0
      const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
      yield* Stream.runForEach(feed(path).output(output), (text) => {
        read += text.length + 1
        ahead = Math.max(ahead, written - read)
        return turn
      })
      assert.strictEqual(read, total)
      assert.isBelow(ahead, 4 * 2 ** 20)
    }))

  it.scoped("says of a daemon that takes the request and stands still that it does not answer", () =>
    Effect.gen(function*() {
      const notAnswered = (
        read: (path: string) => Stream.Stream<unknown, { readonly message: string }>,
        begins = ""
      ) =>
        Effect.gen(function*() {
          const asked = yield* Deferred.make<void>()
          const path = yield* answering((socket) => {
            socket.write(begins, () => Deferred.unsafeDone(asked, Effect.void))
          })
          const reading = yield* Effect.fork(Effect.flip(Stream.runDrain(read(path))))
          yield* Deferred.await(asked)
          yield* TestClock.adjust(answerTimeout)
          assert.match((yield* Fiber.join(reading)).message, /has not answered it in 15 s; it is stuck or overloaded/)
        })
      for (const follow of [false, true]) {
        yield* notAnswered((path) => feed(path).events({ follow }))
        yield* notAnswered((path) => feed(path).output({ ...output, follow }))
      }
      // A refusal that never says why: its head alone is no answer.
      yield* notAnswered((path) => feed(path).output(output), `${head(404)}{"_tag":`)
    }))

  it.scoped("waits for ever for what comes after the beginning", () =>
    Effect.gen(function*() {
      let goOn = () => {}
      const path = yield* answering((socket) => {
        socket.write(`${head(200)}first\n`)
        goOn = () => socket.end("last\n")
      })
      const lines = yield* Stream.runCollect(Stream.tap(
        feed(path).output(output),
        (line) => line === "first" ? Effect.zipRight(TestClock.adjust("1 hour"), Effect.sync(goOn)) : Effect.void
      ))
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["first", "last"])
    }))
})
