/** A container's log from a real container engine, freed of the stream headers of containers without a terminal. */
import { StringDecoder } from "node:string_decoder"

import type Docker from "dockerode"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import type { LogRequest } from "../../../src/npu/messages.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import { find } from "./containers.ts"
import { ask, refusalOf } from "./engine-error.ts"

export const log = (docker: Docker, request: LogRequest): Stream.Stream<string, Refusal> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const info = yield* find(docker, request.instanceName)
    if (info === undefined) return yield* Effect.fail(refusal("UNKNOWN", `no such container: ${request.instanceName}`))
    const container = docker.getContainer(info.Id)
    const what = { stdout: true, stderr: true } as const
    const strip = info.Config.Tty ? whole() : withoutHeaders()
    if (request.follow !== true) {
      const bytes = yield* ask(() => container.logs({ ...what, follow: false }))
      return Stream.make(strip(bytes))
    }
    const source = yield* Effect.acquireRelease(
      ask(() => container.logs({ ...what, follow: true })),
      (stream) => Effect.sync(() => (stream as unknown as { destroy: () => void }).destroy())
    )
    return Stream.fromAsyncIterable(source as AsyncIterable<Buffer>, (error) => refusalOf(error)).pipe(
      Stream.map(strip),
      Stream.filter((text) => text !== "")
    )
  }))

/** A frame's header: one byte for the stream, three of zero, four for the size, big endian. */
const headerSize = 8

/**
 * Takes chunks as they come, cut anywhere, and gives their text. Bytes that are
 * no frames, as some engines send them, pass unchanged.
 */
export const withoutHeaders = (): (chunk: Uint8Array) => string => {
  const decoder = new StringDecoder("utf8")
  let rest: Buffer = Buffer.alloc(0)
  let framed: boolean | undefined
  return (chunk) => {
    let bytes = Buffer.concat([rest, chunk])
    if (framed === undefined && bytes.length >= headerSize) framed = isHeader(bytes)
    if (framed === false) {
      rest = Buffer.alloc(0)
      return decoder.write(bytes)
    }
    let text = ""
    while (bytes.length >= headerSize) {
      const size = bytes.readUInt32BE(4)
      if (bytes.length < headerSize + size) break
      text += decoder.write(bytes.subarray(headerSize, headerSize + size))
      bytes = bytes.subarray(headerSize + size)
    }
    rest = bytes
    return text
  }
}

const isHeader = (bytes: Buffer): boolean => bytes[0]! <= 2 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0

const whole = (): (chunk: Uint8Array) => string => {
  const decoder = new StringDecoder("utf8")
  return (chunk) => decoder.write(Buffer.from(chunk))
}
