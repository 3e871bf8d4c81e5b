import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import { layerEventJournal } from "../../../layers/state/event-journal.ts"
import { type EventSpan, EventStore, type EventStoreService } from "../../../src/daemon/event-store.ts"
import type { Event } from "../../../src/model/event.ts"
import { skip } from "../../needs.ts"
import { noMount, smallDisk, temporaryFolder } from "./support.ts"

const storeIn = (directory: string) =>
  Effect.map(
    Layer.build(layerEventJournal({ directory })),
    (context) => Context.get(context as Context.Context<EventStore>, EventStore)
  )

const event = (sequence: number, message = "x"): Event => ({
  sequence,
  at: new Date(Date.UTC(2026, 0, 1) + sequence * 1000).toISOString(),
  severity: "notice",
  reason: "Stopped",
  message,
  operation: `op-${sequence}`,
  before: { image: "docker-dash-ha:1.0" },
  after: null
})

const read = (store: EventStoreService, span: EventSpan) =>
  Effect.map(
    Stream.runCollect(store.read(span)),
    (events) => Chunk.toReadonlyArray(events).map((each) => each.sequence)
  )

describe("the stored log of events", () => {
  it.scoped("gives back what it was given, to a later daemon too, and only from then on", () =>
    Effect.gen(function*() {
      const folder = join(yield* temporaryFolder, "state")
      yield* Effect.scoped(Effect.flatMap(storeIn(folder), (store) => store.append([event(1), event(2)], true)))
      const store = yield* storeIn(folder)
      yield* store.append([event(3)], false)
      assert.deepStrictEqual(yield* read(store, { last: 2 }), [2, 3])
      assert.deepStrictEqual(yield* read(store, { since: "" }), [1, 2, 3])
      assert.deepStrictEqual(yield* read(store, { since: event(2).at }), [2, 3])
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(store.read({ last: 1 }))), [event(3)])
    }))

  it.scoped("passes over a line that loss of power tore, and over what is no event", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.scoped(Effect.flatMap(storeIn(folder), (store) => store.append([event(1)], true)))
      appendFileSync(join(folder, "events.jsonl"), `{"foreign":1}\n${JSON.stringify(event(2)).slice(0, 40)}`)
      const store = yield* storeIn(folder)
      yield* store.append([event(3)], true)
      assert.deepStrictEqual(yield* read(store, { since: "" }), [1, 3])
      assert.deepStrictEqual(yield* read(store, { last: 10 }), [1, 3])
    }))

  it.scoped("keeps a bounded number of files, and reads through those that may hold what is asked for", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const store = yield* storeIn(folder)
      const long = "x".repeat(200_000)
      for (let sequence = 0; sequence < 150; sequence += 1) yield* store.append([event(sequence, long)], false)
      assert.deepStrictEqual(
        readdirSync(folder).sort(),
        ["events.jsonl", ...[1, 2, 3, 4].map((age) => `events.jsonl.${age}`)]
      )
      const kept = yield* read(store, { since: "" })
      assert.deepStrictEqual(kept, Array.from(kept, (_, index) => 150 - kept.length + index))
      // Older files are told by their time; one that claims to be old is not opened.
      utimesSync(join(folder, "events.jsonl.1"), 0, 0)
      assert.isBelow((yield* read(store, { since: event(0).at })).length, kept.length)
    }))

  it.scoped("works once its folder does", () =>
    Effect.gen(function*() {
      const folder = join(yield* temporaryFolder, "state")
      writeFileSync(folder, "in the way")
      const store = yield* storeIn(folder)
      assert.match((yield* Effect.flip(store.append([event(1)], true))).reason, /a part of the path is a file/)
      rmSync(folder)
      mkdirSync(folder)
      yield* store.append([event(1)], true)
      assert.deepStrictEqual(yield* read(store, { last: 5 }), [1])
    }))

  it.scoped("takes all of what it is given or nothing on a full disk", (context) =>
    Effect.gen(function*() {
      if (noMount !== undefined) return skip(context, noMount)
      const folder = yield* smallDisk("size=32k")
      const store = yield* storeIn(folder)
      yield* store.append([event(1)], true)
      const error = yield* Effect.flip(store.append([event(2), event(3, "x".repeat(60_000))], true))
      assert.match(error.reason, /the disk is full/)
      assert.strictEqual(readFileSync(join(folder, "events.jsonl"), "utf8"), `${JSON.stringify(event(1))}\n`)
      yield* store.append([event(2)], true)
      assert.deepStrictEqual(yield* read(store, { since: "" }), [1, 2])
    }))
})
