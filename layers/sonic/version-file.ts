/** The DPU's version as `sonic_version.yml` tells it, now and at each change. */
import { type FSWatcher, watch } from "node:fs"
import { dirname } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { parseDocument } from "yaml"

import type { VersionReading } from "../../src/daemon/dpu-identity.ts"
import { normalise } from "../../src/model/version.ts"
import { readText } from "./read-text.ts"

/** How often the file is read although nothing was heard: a watch misses a folder that is replaced, or a link's target. */
const poll = Schedule.spaced("2 seconds")

/** A text without an end of line may be half written: it is taken when it is still the same after this. */
const settling = "100 millis"

/** The reading now, then each change of it. Never fails, never ends. */
export const versions = (path: string): Stream.Stream<VersionReading> =>
  Stream.mergeAll([Stream.repeatEffectWithSchedule(Effect.void, poll), watchFolder(dirname(path))], {
    concurrency: "unbounded"
  }).pipe(
    // Events that come during a reading are answered by one more.
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.mapEffect(() => settledText(path)),
    // The same text is not understood again: nearly every reading finds it.
    Stream.changesWith(sameText),
    Stream.map((text) => understand(path, text)),
    Stream.changesWith(same)
  )

/** One reading of the file. */
export const readVersion = (path: string): Effect.Effect<VersionReading> =>
  Effect.map(settledText(path), (text) => understand(path, text))

/** What the file holds, or why it cannot be read. */
type Text = Either.Either<string, string>

const understand = (path: string, text: Text): VersionReading =>
  Either.match(Either.flatMap(text, (content) => parseVersion(path, content)), {
    onLeft: (reason): VersionReading => ({ _tag: "Unreadable", reason }),
    onRight: (version): VersionReading => ({ _tag: "Version", version })
  })

const settledText = (path: string): Effect.Effect<Text> =>
  Effect.gen(function*() {
    let text = yield* readText(path)
    while (Either.isRight(text) && text.right !== "" && !text.right.endsWith("\n")) {
      yield* Effect.sleep(settling)
      const again = yield* readText(path)
      if (Either.isRight(again) && again.right === text.right) return again
      text = again
    }
    return text
  })

const parseVersion = (path: string, text: string) =>
  Either.gen(function*() {
    // By the failsafe schema every scalar is its own source text: 20241211.350 would be a number by any other.
    const document = parseDocument(text, { schema: "failsafe" })
    const fault = document.errors[0]
    if (fault !== undefined) {
      return yield* Either.left(`${path} is not YAML: ${fault.message.split("\n")[0]?.replace(/:$/, "") ?? ""}`)
    }
    const version: unknown = document.get("build_version")
    if (typeof version !== "string") return yield* Either.left(`${path} has no build_version`)
    return yield* Either.mapLeft(normalise(version), (error) => `${path}: ${error.reason}`)
  })

/** Something in the folder changed. No element is owed: where the folder cannot be watched, the poll is what remains. */
const watchFolder = (folder: string): Stream.Stream<void> =>
  Stream.repeat(
    Stream.asyncPush<void>((emit) =>
      Effect.acquireRelease(
        Effect.sync((): FSWatcher | undefined => {
          try {
            return watch(folder, { persistent: false }, () => emit.single(undefined)).on("error", () => emit.end())
          } catch {
            emit.end()
            return undefined
          }
        }),
        (watcher) => Effect.sync(() => watcher?.close())
      ), { bufferSize: 1, strategy: "sliding" }),
    poll
  )

const sameText = (left: Text, right: Text): boolean =>
  left._tag === right._tag && Either.merge(left) === Either.merge(right)

const same = (left: VersionReading, right: VersionReading): boolean =>
  left._tag === "Version"
    ? right._tag === "Version" && left.version === right.version
    : right._tag === "Unreadable" && left.reason === right.reason
