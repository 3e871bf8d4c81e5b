/**
 * Where an NPU that takes no upload fetches images from: a small HTTP, HTTPS or
 * SFTP server that serves the images folder.
 */
import * as Context from "effect/Context"
import * as Either from "effect/Either"

import type { RemoteDownload } from "./messages.ts"

export interface RemoteSourceOptions {
  readonly protocol: Exclude<RemoteDownload["protocol"], "UNKNOWN" | "SCP">
  readonly host: string
  /** As written, empty where none is. */
  readonly port: string
  /** With its slash at the beginning and none at the end; empty for the root. */
  readonly folder: string
  readonly username: string | undefined
}

/** Undefined where no source is given. */
export class RemoteSource extends Context.Reference<RemoteSource>()("offloader/RemoteSource", {
  defaultValue: (): RemoteSourceOptions | undefined => undefined
}) {}

/** `http://HOST[:PORT]/FOLDER`, `https:`, `sftp://USER@HOST/FOLDER`. Left is a sentence. */
export const parseRemoteSource = (text: string): Either.Either<RemoteSourceOptions, string> => {
  const match = /^(https?|sftp):\/\/(?:([^:@/]+)@)?([A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:\/[^?#\s]*)?)$/.exec(text)
  if (match === null) {
    return Either.left(
      `${JSON.stringify(text)} is not a source; write http://HOST:PORT/FOLDER, https://… or sftp://USER@HOST/FOLDER, `
        + "with a name or an IPv4 address and without a password"
    )
  }
  const [, scheme = "", username, host = "", port = "", folder = ""] = match
  return Either.right({
    protocol: scheme.toUpperCase() as RemoteSourceOptions["protocol"],
    host,
    port,
    folder: folder.replace(/\/+$/, ""),
    username
  })
}

/**
 * What to tell the NPU about the file of this name. Its server takes the path
 * apart at the first colon, into a host and the rest.
 */
export const downloadOf = (source: RemoteSourceOptions, file: string): RemoteDownload => ({
  path: `${source.host}:${source.port}${source.folder}/${encodeURIComponent(file)}`,
  protocol: source.protocol,
  ...(source.username === undefined ? {} : { credentials: { username: source.username } })
})
