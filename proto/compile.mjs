/**
 * Turns the .proto files of this folder into one JSON value that
 * `definition.ts` can load without reading or parsing them. For build scripts;
 * nothing calls it at run time.
 */
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"

const folder = path.dirname(fileURLToPath(import.meta.url))

/** The files that hold a service; what they import comes along. */
export const entryFiles = [
  "github.com/openconfig/gnoi/containerz/containerz.proto",
  "github.com/openconfig/gnoi/system/system.proto",
  "github.com/openconfig/gnoi/os/os.proto",
  "offloader/older.proto",
  "grpc/reflection/v1/reflection.proto"
]

/**
 * The protobufjs JSON root of all entry files and their imports, without
 * comments. Its text is what the build defines as `OFFLOADER_PROTO_JSON`:
 *
 *     define: { OFFLOADER_PROTO_JSON: JSON.stringify(JSON.stringify(compileDescriptor())) }
 *
 * @returns {import("protobufjs").INamespace}
 */
export function compileDescriptor() {
  // protobufjs belongs to proto-loader; take the very one that will read the result.
  const require = createRequire(createRequire(import.meta.url).resolve("@grpc/proto-loader"))
  const protobuf = require("protobufjs")
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => target.startsWith("google/protobuf/") ? target : path.join(folder, target)
  root.loadSync(entryFiles, { keepCase: false }).resolveAll()
  return root.toJSON({ keepComments: false })
}
