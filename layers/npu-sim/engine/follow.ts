/** A container's log as it grows. */
import * as Either from "effect/Either"

import type { LogRequest } from "../../../src/npu/messages.ts"
import type { Container } from "./core.ts"
import type { Engine } from "./engine.ts"
import { isAlive } from "./lifecycle.ts"
import type { Refusal } from "./reply.ts"

/** Where the text of a log goes. */
export interface LogSink {
  readonly text: (text: string) => void
  readonly end: () => void
  readonly refuse: (refusal: Refusal) => void
}

/** Tells what a container said, and with follow what it says until it stops; returns how to stop following. */
export const follow = (engine: Engine, request: LogRequest, sink: LogSink): () => void => {
  const found = engine.log(request.instanceName)
  if (Either.isLeft(found)) {
    sink.refuse(found.left)
    return () => undefined
  }
  const container: Container = found.right
  for (const line of container.log) sink.text(line)
  if (request.follow !== true || !isAlive(container)) {
    sink.end()
    return () => undefined
  }
  const stop = engine.subscribe((event) => {
    if (event.container !== container) return
    if (event._tag === "Logged") sink.text(event.text)
    if (event._tag === "Exited" || event._tag === "Removed") {
      stop()
      sink.end()
    }
  })
  return stop
}
