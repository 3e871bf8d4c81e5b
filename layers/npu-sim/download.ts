/** A remote download as a server carries it out: the path is a host and the rest, parted by the first colon. */
import { get as getHttp } from "node:http"
import { get as getHttps } from "node:https"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import type { RemoteDownload } from "../../src/npu/messages.ts"
import { makeReader } from "./archive/read-archive.ts"
import type { ArchiveDescription } from "./engine/core.ts"

/** How long a source may keep silent, milliseconds. */
const patience = 10_000

/** What the source has there; undefined where it has nothing usable, or the protocol is not HTTP. */
export const download = ({ path, protocol }: RemoteDownload): Effect.Effect<ArchiveDescription | undefined> => {
  const colon = path.indexOf(":")
  if ((protocol !== "HTTP" && protocol !== "HTTPS") || colon === -1) return Effect.succeed(undefined)
  const url = `${protocol.toLowerCase()}://${path.slice(0, colon)}:${path.slice(colon + 1)}`
  if (!URL.canParse(url)) return Effect.succeed(undefined)
  return Effect.async((resume) => {
    const reader = makeReader()
    const nothing = (): void => {
      reader.destroy()
      resume(Effect.succeed(undefined))
    }
    const call = (protocol === "HTTP" ? getHttp : getHttps)(url, { timeout: patience, agent: false }, (response) => {
      if (response.statusCode !== 200) {
        response.destroy()
        return nothing()
      }
      response.on("data", (chunk: Buffer) => {
        const wait = reader.write(chunk)
        if (wait === undefined) return
        response.pause()
        void wait.then(() => response.resume())
      })
      response.on("error", nothing)
      response.on(
        "end",
        () => void reader.end().then((archive) => resume(Effect.succeed(Either.getOrUndefined(archive))))
      )
    })
    call.on("timeout", () => call.destroy())
    call.on("error", nothing)
    return Effect.sync(() => {
      call.destroy()
      reader.destroy()
    })
  })
}
