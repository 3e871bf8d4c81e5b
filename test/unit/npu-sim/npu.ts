/** An engine with a clock in hand, and images without archives. */
import * as Either from "effect/Either"

import type { ArchivedImage, EngineOptions } from "../../../layers/npu-sim/engine/core.ts"
import { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import { type Answer, Later, type Reply } from "../../../layers/npu-sim/engine/reply.ts"
import type { StartContainerRequest } from "../../../src/npu/messages.ts"

export const archived = (
  name: string,
  labels: Record<string, string> = {},
  digit = name
): ArchivedImage => ({
  configDigest: `sha256:${
    [...digit].reduce((hash, c) => Math.imul(hash ^ c.charCodeAt(0), 16777619) >>> 0, 7).toString(16).padStart(64, "0")
  }`,
  repoTags: name === "" ? [] : [name],
  architecture: "amd64",
  labels
})

export const npu = (options: Partial<EngineOptions> = {}) => {
  const clock = { now: 1_000_000 }
  const engine = new Engine({ ...options, now: () => clock.now })
  return {
    engine,
    clock,
    /** Loads an image by the archive's own names; the same `digit` makes the same id. */
    load: (name: string, labels: Record<string, string> = {}, size = 1000, digit = name) => {
      const transfer = Either.getOrThrow(engine.beginDeploy({ name: "", tag: "", imageSize: String(size) }))
      engine.receive(transfer, size)
      return statusOf(engine.finishDeploy(transfer, { images: [archived(name, labels, digit)], unpackedBytes: size }))
    },
    after: (millis: number) => {
      clock.now += millis
      engine.settle()
    }
  }
}

export const request = (instanceName: string, image = "db:1", more: Partial<StartContainerRequest> = {}) => {
  const [imageName = "", tag = ""] = image.split(":")
  return { imageName, tag, instanceName, ...more }
}

/** OK, the status's name, or PENDING. */
export const statusOf = <A>(reply: Reply<A>): string => {
  if (!(reply instanceof Later)) return Either.isRight(reply) ? "OK" : reply.left.code
  let status = "PENDING"
  reply.onSettled((answer) => {
    status = statusOf(answer)
  })
  return status
}

export const detailsOf = <A>(reply: Reply<A>): string => {
  let details = ""
  const look = (answer: Answer<A>) => {
    if (Either.isLeft(answer)) details = answer.left.details
  }
  if (reply instanceof Later) reply.onSettled(look)
  else look(reply)
  return details
}

/** `name status image` of each container listed. */
export const listed = (engine: Engine, all = true): ReadonlyArray<string> =>
  Either.getOrThrow(engine.collect("ListContainer", { all })).map((row) => `${row.name} ${row.status} ${row.imageName}`)

export const imagesOf = (engine: Engine): ReadonlyArray<string> =>
  Either.getOrThrow(engine.collect("ListImage", {})).map((row) => `${row.imageName}:${row.tag}`)
