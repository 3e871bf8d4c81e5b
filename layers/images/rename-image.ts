/**
 * Gives the image of an archive another name on its way: an image that its engine
 * knows by a label alone has no name that says its version.
 */
import { PassThrough, type Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { extract, pack } from "tar-stream"

import { largestText } from "./scan.ts"

/** The same archive with this one name, wherever archives carry names. A member with names that is too large breaks it. */
export const renameImage = (archive: Readable, name: string): AsyncIterable<Uint8Array> => {
  const out = new PassThrough()
  void pipeline(archive, renamed(name), out).catch(() => {
    // `pipeline` destroys `out` with the error, and its reader hears of it.
  })
  return out
}

const renamed = (name: string) =>
  async function*(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const from = extract()
    const to = pack()
    const copying = copy(from, to, name)
    const feeding = pipeline(source, from)
    // Whichever fails first ends the other; the loop below then throws.
    copying.catch((cause: unknown) => to.destroy(cause as Error))
    feeding.catch((cause: unknown) => to.destroy(cause as Error))
    for await (const piece of to) yield piece as Uint8Array
    await Promise.all([copying, feeding])
  }

const copy = async (from: ReturnType<typeof extract>, to: ReturnType<typeof pack>, name: string): Promise<void> => {
  for await (const entry of from) {
    const { header } = entry
    const rewrite = rewrites[header.name]
    if (header.name === "repositories") entry.resume()
    else if (rewrite === undefined) await pipeline(entry, to.entry(header))
    else {
      const pieces: Array<Buffer> = []
      if ((header.size ?? 0) > largestText) throw new Error(`its ${header.name} is too large`)
      for await (const piece of entry) pieces.push(piece as Buffer)
      const text = JSON.stringify(rewrite(JSON.parse(Buffer.concat(pieces).toString("utf8")), name))
      to.entry({ ...header, size: Buffer.byteLength(text) }, text)
    }
  }
  to.finalize()
}

type Json = { readonly [field: string]: unknown }

/** Member → its content with the name; what is not of the usual shape is left to the check that follows. */
const rewrites: Readonly<Record<string, (content: unknown, name: string) => unknown>> = {
  "manifest.json": (content, name) =>
    Array.isArray(content) ? content.map((image: Json) => ({ ...image, RepoTags: [name] })) : content,
  "index.json": (content, name) => {
    const { manifests } = content as Json
    if (!Array.isArray(manifests)) return content
    const annotations = {
      "io.containerd.image.name": name,
      "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1)
    }
    return {
      ...content as Json,
      manifests: manifests.map((each: Json) => ({
        ...each,
        annotations: { ...each["annotations"] as Json, ...annotations }
      }))
    }
  }
}
