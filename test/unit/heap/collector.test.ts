import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from "node:perf_hooks"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

import { afterAll, beforeAll, expect, it } from "vitest"

import { ofThisProcess } from "../../../layers/heap/growth.ts"

const exposed = globalThis as { gc?: unknown }
const before = exposed.gc

beforeAll(() => {
  setFlagsFromString("--expose-gc")
  exposed.gc = runInNewContext("gc")
})

afterAll(() => {
  exposed.gc = before
})

/** What V8 itself says of the collection that was asked for: others may come between. */
const forcedBy = (collect: () => void) =>
  new Promise<ReadonlyArray<number>>((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const forced = list.getEntries()
        .map((entry) => (entry as unknown as { readonly detail: NodeGCPerformanceDetail }).detail)
        .filter(({ flags }) => (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0)
      if (forced.length === 0) return
      observer.disconnect()
      resolve(forced.map(({ kind }) => kind))
    })
    observer.observe({ entryTypes: ["gc"] })
    collect()
  })

it("collects all of the heap, not the young generation alone", async () => {
  expect(await forcedBy(ofThisProcess().collect!)).toContain(constants.NODE_PERFORMANCE_GC_MAJOR)
})

it("knows how large the heap is", () => {
  expect(ofThisProcess().used()).toBeGreaterThan(1_000_000)
})
