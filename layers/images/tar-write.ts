/** Writes a tar in memory, with fixed owners and times, so that equal members give equal bytes. */
import { pack } from "tar-stream"

export type Member =
  | { readonly type: "directory"; readonly name: string }
  | { readonly type: "file"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly type: "symlink"; readonly name: string; readonly target: string }

export const writeTar = async (members: ReadonlyArray<Member>): Promise<Uint8Array> => {
  const tar = pack()
  for (const member of members) {
    const header = { name: member.name, mode: 0o755, uid: 0, gid: 0, mtime: new Date(0) }
    if (member.type === "file") tar.entry({ ...header, type: "file" }, Buffer.from(member.bytes))
    else if (member.type === "symlink") tar.entry({ ...header, type: "symlink", linkname: member.target })
    else tar.entry({ ...header, type: "directory" })
  }
  tar.finalize()
  const chunks: Array<Buffer> = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
