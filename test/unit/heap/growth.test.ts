import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import * as Heap from "../../../layers/heap/growth.ts"

const mebibyte = 1024 * 1024

/** A heap that is as large as a test says, and `live` after a collection. */
const fakeHeap = (live: number) => {
  const heap = {
    size: live,
    collections: 0,
    used: () => heap.size,
    collect: () => {
      heap.collections += 1
      heap.size = live
    }
  }
  return heap
}

describe("the heap of a daemon at rest", () => {
  it.effect("is collected once it grew by 3 MiB, and again after the next 3", () =>
    Effect.gen(function*() {
      const heap = fakeHeap(18 * mebibyte)
      const fiber = yield* Effect.fork(Heap.keepSmall(heap))
      const grown = (mebibytes: number) => {
        heap.size += mebibytes * mebibyte
        return TestClock.adjust("5 seconds")
      }
      yield* grown(0)
      yield* grown(2.9)
      expect(heap.collections).toBe(0)
      yield* grown(0.1)
      expect(heap.collections).toBe(1)
      yield* grown(2.9)
      expect(heap.collections).toBe(1)
      yield* grown(0.1)
      expect(heap.collections).toBe(2)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("counts its growth from where V8 itself had collected it to", () =>
    Effect.gen(function*() {
      const heap = fakeHeap(18 * mebibyte)
      heap.size = 21 * mebibyte
      const fiber = yield* Effect.fork(Heap.keepSmall(heap))
      yield* TestClock.adjust("5 seconds")
      heap.size = 18 * mebibyte
      yield* TestClock.adjust("5 seconds")
      expect(heap.collections).toBe(0)
      heap.size = 21 * mebibyte
      yield* TestClock.adjust("5 seconds")
      expect(heap.collections).toBe(1)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("is left to V8 where the process has no collector to ask", () =>
    Heap.keepSmall({ used: () => expect.unreachable("nothing is to be measured"), collect: undefined }))
})
