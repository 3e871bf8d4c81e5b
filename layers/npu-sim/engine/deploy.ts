/** Deploy: room and byte counts while it comes, names and ids when it is whole. */
import * as Either from "effect/Either"

import { type ImageRef, same, split } from "../../../src/model/image.ts"
import type { ImageTransfer } from "../../../src/npu/messages.ts"
import type { ArchiveDescription, Core, Transfer } from "./core.ts"
import { add, freeBytes } from "./images.ts"
import { type Answer, done, Later, refuse, type Reply } from "./reply.ts"

export interface DeploySuccess {
  readonly name: string
  readonly tag: string
  /** Bytes, as a decimal string; 0 for a remote download. */
  readonly imageSize: string
}

export const begin = (core: Core, request: ImageTransfer): Answer<Transfer> => {
  const remote = request.remoteDownload ?? undefined
  const declared = Number(request.imageSize)
  if (!Number.isSafeInteger(declared) || declared < 0) {
    return refuse("INVALID_ARGUMENT", `image_size ${request.imageSize} cannot be`)
  }
  if (remote === undefined && declared > freeBytes(core)) {
    return refuse("RESOURCE_EXHAUSTED", `image_size ${declared} is beyond the ${freeBytes(core)} bytes that are free`)
  }
  const transfer: Transfer = { name: request.name, tag: request.tag, declared, received: 0, remote, open: true }
  core.transfers.add(transfer)
  return Either.right(transfer)
}

/** So many more bytes came. A refusal ends the transfer. */
export const receive = (core: Core, transfer: Transfer, bytes: number): Answer<void> => {
  if (!transfer.open) return refuse("UNAVAILABLE", "the transfer was broken off")
  const total = transfer.received + bytes
  if (total > transfer.declared) {
    abort(core, transfer)
    return refuse("INVALID_ARGUMENT", `received ${total} bytes, more than the image_size of ${transfer.declared}`)
  }
  if (bytes > freeBytes(core)) {
    abort(core, transfer)
    return refuse("RESOURCE_EXHAUSTED", "no space left on device")
  }
  transfer.received = total
  return done
}

/** Loads what came; `archive` is `undefined` where it could not be read. */
export const finish = (
  core: Core,
  transfer: Transfer,
  archive: ArchiveDescription | undefined
): Reply<DeploySuccess> => {
  const whole = transfer.remote !== undefined || transfer.received === transfer.declared
  if (transfer.open && !whole && core.options.quirks.checksShortTransfer) {
    abort(core, transfer)
    return refuse("INVALID_ARGUMENT", `received ${transfer.received} bytes of an image_size of ${transfer.declared}`)
  }
  if (core.options.loadMillis === 0) return load(core, transfer, archive)
  const reply = new Later<DeploySuccess>()
  core.timers.set(core.time + core.options.loadMillis, () => reply.settle(load(core, transfer, archive)))
  return reply
}

/** Gives back the room of a transfer that will not end. */
export const abort = (core: Core, transfer: Transfer): void => {
  transfer.open = false
  core.transfers.delete(transfer)
}

const load = (core: Core, transfer: Transfer, given: ArchiveDescription | undefined): Answer<DeploySuccess> => {
  if (!transfer.open) return refuse("UNAVAILABLE", "the transfer was broken off")
  abort(core, transfer)
  const success: DeploySuccess = {
    name: transfer.name,
    tag: transfer.tag,
    imageSize: String(transfer.remote === undefined ? transfer.received : 0)
  }
  if (core.faults.corruptDeploys > 0) {
    core.faults.corruptDeploys--
    return refuse("INTERNAL", "unable to load image: unexpected EOF")
  }
  if (core.faults.lostDeploys > 0) {
    core.faults.lostDeploys--
    return Either.right(success)
  }
  const archive = given ?? (transfer.remote === undefined ? undefined : core.options.remote?.(transfer.remote))
  // A download that brought nothing is called a success; a list of images tells the truth.
  if (archive === undefined && transfer.remote !== undefined) return Either.right(success)
  if (archive === undefined || archive.images.length === 0) {
    return refuse("INTERNAL", "unable to load image: not an image archive")
  }
  return Either.map(store(core, archive, (own) => requested(core, transfer, own)), () => success)
}

/** Images that somebody brought without an upload, at once. */
export const preload = (core: Core, archive: ArchiveDescription): Answer<void> => store(core, archive, () => [])

/** `further`: names that the first image gets beside its own. */
const store = (
  core: Core,
  archive: ArchiveDescription,
  further: (own: ReadonlyArray<ImageRef>) => ReadonlyArray<ImageRef>
): Answer<void> => {
  if (archive.unpackedBytes > freeBytes(core)) {
    return refuse("RESOURCE_EXHAUSTED", "unable to load image: no space left on device")
  }
  archive.images.forEach((image, index) => {
    const own = image.repoTags.map(split)
    const wanted = index === 0 ? further(own) : []
    add(core, image, [...own, ...wanted], Math.ceil(archive.unpackedBytes / archive.images.length))
  })
  return done
}

/** The request's name and tag, unless the archive has it or its names win. */
const requested = (core: Core, transfer: Transfer, own: ReadonlyArray<ImageRef>): ReadonlyArray<ImageRef> => {
  if (transfer.name === "" || (core.options.quirks.archiveNamesWin && own.length > 0)) return []
  const ref = { repository: transfer.name, tag: transfer.tag === "" ? "latest" : transfer.tag }
  return own.some((name) => same(name, ref)) ? [] : [ref]
}
