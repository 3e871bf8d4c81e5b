/** Images of a real container engine: lists, removal, and archives that are loaded as they stream in. */
import { statfs } from "node:fs/promises"
import { PassThrough } from "node:stream"

import type Docker from "dockerode"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"

import { format, same, split } from "../../../src/model/image.ts"
import type {
  ImageTransfer,
  InBandStatus,
  ListImageRequest,
  ListImageResponse,
  RemoveImageRequest
} from "../../../src/npu/messages.ts"
import { makeReader } from "../archive/read-archive.ts"
import type { DeploySink } from "../backend.ts"
import type { ArchivedImage } from "../engine/core.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import { filtersOf } from "./containers.ts"
import { ask, askMaybe, refusalOf } from "./engine-error.ts"

export const list = (
  docker: Docker,
  request: ListImageRequest
): Effect.Effect<ReadonlyArray<ListImageResponse>, Refusal> =>
  Effect.map(ask(() => docker.listImages({ filters: JSON.stringify(filtersOf(request.filter)) })), (images) => {
    const rows = images.map((image) => {
      const names = (image.RepoTags ?? []).filter((name) => name !== "<none>:<none>").map(split)
      return {
        id: image.Id,
        imageName: names[0]?.repository ?? "<none>",
        tag: names.length === 0 ? "<none>" : names.map((name) => name.tag).join(",")
      }
    })
    return request.limit === undefined || request.limit <= 0 ? rows : rows.slice(0, request.limit)
  })

/** An engine's own force would take containers along, so what uses the image is looked up first. */
export const remove = (docker: Docker, request: RemoveImageRequest): Effect.Effect<InBandStatus, Refusal> =>
  Effect.gen(function*() {
    const ref = { repository: request.name, tag: request.tag === "" ? "latest" : request.tag }
    const name = format(ref)
    const image = yield* askMaybe(() => docker.getImage(name).inspect())
    if (image === undefined) return yield* fail("NOT_FOUND", `image ${name} not found`)
    const last = image.RepoTags.length <= 1
    const containers = yield* ask(() => docker.listContainers({ all: true }))
    const user = containers.find((container) =>
      plain(container.ImageID) === plain(image.Id) && (last || same(split(container.Image), ref))
      && (container.State === "running" || request.force !== true)
    )
    if (user !== undefined) {
      return yield* fail("FAILED_PRECONDITION", `image ${name} is used by container ${user.Names.join(",")}`)
    }
    yield* ask(() => docker.getImage(name).remove({ force: request.force === true }))
    return {}
  })

/** The bytes go on to the engine as they come; nothing is kept here. */
export const deploy = (
  docker: Docker,
  request: ImageTransfer
): Effect.Effect<DeploySink, Refusal, Scope.Scope> =>
  Effect.gen(function*() {
    if (request.remoteDownload !== undefined && request.remoteDownload !== null) {
      return yield* fail("UNIMPLEMENTED", "remote_download is not served over a container engine")
    }
    const announced = Number(request.imageSize)
    const free = yield* freeBytes(docker)
    if (announced > free) {
      return yield* fail("RESOURCE_EXHAUSTED", `image_size ${announced} is beyond the ${free} bytes that are free`)
    }
    const reader = makeReader()
    const body = new PassThrough({ highWaterMark: 4 * 2 ** 20 })
    body.on("error", () => undefined)
    const loading = load(docker, body)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reader.destroy()
        // Breaks the request off; after a whole transfer there is nothing left to break.
        body.destroy(new Error("the transfer was broken off"))
      })
    )
    const sink: DeploySink = {
      write: (bytes) =>
        Effect.promise(async () => {
          await Promise.all([reader.write(bytes), pour(body, bytes)])
        }),
      finish: Effect.gen(function*() {
        const archive = yield* Effect.promise(reader.end)
        if (Either.isLeft(archive)) return yield* fail("INTERNAL", `unable to load image: ${archive.left}`)
        body.end()
        const fault = yield* Effect.promise(() => loading)
        if (fault !== undefined) return yield* Effect.fail(fault)
        yield* nameIt(docker, request, archive.right.images)
        return { name: request.name, tag: request.tag, imageSize: request.imageSize }
      })
    }
    return sink
  })

/** Resolves with what went wrong, or with nothing. */
const load = async (docker: Docker, body: PassThrough): Promise<Refusal | undefined> => {
  try {
    const response = await docker.loadImage(body)
    let text = ""
    for await (const chunk of response as AsyncIterable<Buffer>) text = (text + chunk.toString("utf8")).slice(-16_384)
    const error = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
    return error === undefined ? undefined : refusal("INTERNAL", `unable to load image: ${error}`)
  } catch (error) {
    const { code, details } = refusalOf(error)
    return refusal(code === "UNAVAILABLE" ? code : "INTERNAL", `unable to load image: ${details}`)
  } finally {
    // Whoever still pours must not wait for an engine that has stopped reading.
    body.resume()
  }
}

/** Adds the request's name and tag to those of the archive, and sees that the image is there. */
const nameIt = (
  docker: Docker,
  request: ImageTransfer,
  images: ReadonlyArray<ArchivedImage>
): Effect.Effect<void, Refusal> =>
  Effect.gen(function*() {
    const [first] = images
    if (first === undefined) return yield* fail("INTERNAL", "unable to load image: the archive holds none")
    // Engines that keep other ids than the config's digest know the image by its name.
    const handles = [first.configDigest, ...first.repoTags]
    for (const handle of handles) {
      if ((yield* askMaybe(() => docker.getImage(handle).inspect())) === undefined) continue
      if (request.name !== "") {
        const tag = request.tag === "" ? "latest" : request.tag
        yield* ask(() => docker.getImage(handle).tag({ repo: request.name, tag }))
      }
      return
    }
    return yield* fail("INTERNAL", "unable to load image: it is not there after loading")
  })

/** Room where the engine keeps its images; unlimited where that cannot be told from here. */
const freeBytes = (docker: Docker): Effect.Effect<number, Refusal> =>
  Effect.flatMap(
    ask(() => docker.info() as Promise<{ readonly DockerRootDir?: string }>),
    (info) =>
      Effect.promise(async () => {
        try {
          const { bavail, bsize } = await statfs(info.DockerRootDir ?? "")
          return bavail * bsize
        } catch {
          return Number.POSITIVE_INFINITY
        }
      })
  )

const pour = (body: PassThrough, bytes: Uint8Array): Promise<void> | undefined => {
  if (body.destroyed || body.write(bytes)) return undefined
  return new Promise((resolve) => {
    const go = (): void => {
      body.off("drain", go)
      body.off("close", go)
      resolve()
    }
    body.on("drain", go)
    body.on("close", go)
  })
}

const plain = (id: string): string => id.replace(/^sha256:/, "")

const fail = (code: Refusal["code"], details: string): Effect.Effect<never, Refusal> =>
  Effect.fail(refusal(code, details))
