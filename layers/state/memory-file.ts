/** The durable memory on disk: one file, replaced whole, in a folder that one daemon holds. */
import { writeFileSync } from "node:fs"
import { link, readdir, readFile, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import writeFileAtomic from "write-file-atomic"

import { StateStore, StateStoreError, type StateStoreService } from "../../src/daemon/state-store.ts"
import { codeOf, explain } from "./file-errors.ts"
import { type FolderLocked, lockFolder } from "./folder-lock.ts"
import { makeFolder } from "./make-folder.ts"
import { syncFolder } from "./sync-folder.ts"

const fileName = "memory.json"

/**
 * `StateStore` in the folder `directory`, made with mode 0700 where there is
 * none and held against a second daemon until the layer's scope ends.
 *
 * Only `FolderLocked` keeps the layer from being built. A folder that cannot be
 * made or locked (read-only, full) shows as a failure of `save`, and each later
 * `save` tries again: the daemon lives on without durable memory.
 */
export const layerFile = (options: { readonly directory: string }): Layer.Layer<StateStore, FolderLocked> =>
  Layer.scoped(StateStore, make(options.directory))

const make = (directory: string): Effect.Effect<StateStoreService, FolderLocked, Scope.Scope> =>
  Effect.gen(function*() {
    const path = join(directory, fileName)
    const scope = yield* Effect.scope
    const turn = yield* Effect.makeSemaphore(1)
    let ready = false
    const prepare = Effect.gen(function*() {
      if (ready) return
      yield* attempt(`making the folder ${directory}`, () => makeLastingFolder(directory))
      yield* Effect.provideService(lockFolder(directory), Scope.Scope, scope)
      ready = true
      yield* Effect.ignore(attempt("tidying up", () => removeLeftovers(directory)))
    })
    const prepareLater = Effect.catchTag(
      prepare,
      "FolderLocked",
      (error) => new StateStoreError({ reason: error.message })
    )
    // A write that has begun is finished, so that an interrupted daemon leaves no half of one.
    const alone = <A, E>(effect: Effect.Effect<A, E>) => Effect.uninterruptible(turn.withPermits(1)(effect))

    yield* Effect.catchTag(
      alone(prepare),
      "StateStoreError",
      (error) => Effect.annotateLogs(Effect.logWarning("the state folder cannot be used"), { reason: error.reason })
    )

    return {
      location: path,
      load: Effect.withSpan("StateStore.load")(alone(attempt(`reading ${path}`, () => readText(path)))),
      save: Effect.fn("StateStore.save")((text: string) =>
        alone(Effect.zipRight(prepareLater, attempt(`writing ${path}`, () => replaceText(path, text))))
      ),
      setAside: Effect.withSpan("StateStore.setAside")(alone(Effect.gen(function*() {
        yield* prepareLater
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        return yield* attempt(`moving ${path} aside`, () => moveAside(path, `${path}.unreadable-${at}`))
      })))
    }
  })

const attempt = <A>(doing: string, action: () => Promise<A>): Effect.Effect<A, StateStoreError> =>
  Effect.tryPromise({ try: action, catch: (cause) => new StateStoreError({ reason: explain(doing, cause) }) })

const makeLastingFolder = async (directory: string): Promise<void> => {
  if (await makeFolder(directory)) await syncFolder(dirname(directory))
}

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8")
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  }
}

const replaceText = async (path: string, text: string): Promise<void> => {
  await writeFileAtomic(path, "", {
    mode: 0o600,
    // The library writes once and takes a short write, as of a disk that fills up, for a whole
    // one; writeFileSync goes on to the end or throws. The library's fsync comes after it.
    tmpfileCreated: (temporary) => writeFileSync(temporary, text)
  })
  await syncFolder(dirname(path))
}

/** A link cannot overwrite, so an earlier text that was set aside is never lost. */
const moveAside = async (path: string, wanted: string): Promise<string> => {
  for (let attempts = 1;; attempts += 1) {
    const target = attempts === 1 ? wanted : `${wanted}-${attempts}`
    try {
      await link(path, target)
    } catch (cause) {
      if (codeOf(cause) === "EEXIST") continue
      throw cause
    }
    await unlink(path)
    await syncFolder(dirname(path))
    return target
  }
}

/** Temporary files of a daemon that was killed while it wrote: the library's names end in a number. */
const removeLeftovers = async (directory: string): Promise<void> => {
  for (const name of await readdir(directory)) {
    if (/^memory\.json\.[0-9]+$/.test(name)) await unlink(join(directory, name))
  }
}
