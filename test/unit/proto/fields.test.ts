/**
 * The names, numbers, types and labels that make us compatible with every other
 * Containerz peer, written down a second time, so that a slip of the pen in a
 * .proto file does not become a new dialect.
 */
import { assert, describe, it } from "@effect/vitest"

import { compileDescriptor } from "../../../proto/compile.mjs"
import { packageDefinition } from "../../../proto/definition.ts"

/** `name=number type`, string unless a type is given, `[]` repeated. */
const messages: Record<string, string> = {
  "containerz.DeployRequest": "image_transfer=1 ImageTransfer, content=2 bytes, image_transfer_end=3 ImageTransferEnd",
  "containerz.ImageTransfer":
    "name=1, tag=2, image_size=3 uint64, remote_download=4 gnoi.common.RemoteDownload, is_plugin=5 bool",
  "containerz.ImageTransferEnd": "",
  "containerz.DeployResponse":
    "image_transfer_ready=1 ImageTransferReady, image_transfer_progress=2 ImageTransferProgress, "
    + "image_transfer_success=3 ImageTransferSuccess, image_transfer_error=4 google.rpc.Status",
  "containerz.ImageTransferReady": "chunk_size=1 int32",
  "containerz.ImageTransferProgress": "bytes_received=1 uint64",
  "containerz.ImageTransferSuccess": "name=1, tag=2, image_size=3 uint64",
  "containerz.ListImageRequest": "limit=1 int32, filter=3 Filter[]",
  "containerz.ListImageRequest.Filter": "key=1, value=2 string[]",
  "containerz.ListImageResponse": "id=1, image_name=2, tag=3",
  "containerz.RemoveImageRequest": "name=1, tag=2, force=3 bool",
  "containerz.RemoveImageResponse": "",
  "containerz.ListContainerRequest": "all=1 bool, limit=2 int32, filter=3 Filter[]",
  "containerz.ListContainerRequest.Filter": "key=1, value=2 string[]",
  "containerz.ListContainerResponse":
    "id=1, name=2, image_name=3, status=4 Status, labels=5 map, hash=6 gnoi.types.HashType",
  "containerz.StartContainerRequest":
    "image_name=1, tag=2, cmd=3, instance_name=4, ports=5 Port[], environment=6 map, volumes=7 Volume[], network=8, "
    + "cap=9 Capabilities, restart=10 Restart, run_as=11 RunAs, labels=12 map, limits=13 Limits, devices=14 Device[], "
    + "location=15 Location",
  "containerz.StartContainerRequest.Port": "internal=1 uint32, external=2 uint32",
  "containerz.StartContainerRequest.Capabilities": "add=1 string[], remove=2 string[]",
  "containerz.StartContainerRequest.Restart": "policy=1 Policy, attempts=2 uint32",
  "containerz.StartContainerRequest.RunAs": "user=1, group=2",
  "containerz.StartContainerRequest.Limits": "max_cpu=1 double, soft_mem_bytes=2 int64, hard_mem_bytes=3 int64",
  "containerz.Volume": "name=1, mount_point=2, read_only=3 bool",
  "containerz.Device": "src_path=1, dst_path=2, permissions=3 Permission[]",
  "containerz.StartContainerResponse": "start_ok=1 StartOK, start_error=2 StartError",
  "containerz.StartOK": "instance_name=1",
  "containerz.StartError": "",
  "containerz.StopContainerRequest": "instance_name=1, force=2 bool, restart=3 bool",
  "containerz.StopContainerResponse": "",
  "containerz.RemoveContainerRequest": "name=1, force=3 bool",
  "containerz.RemoveContainerResponse": "",
  "containerz.UpdateContainerRequest":
    "instance_name=1, image_name=2, image_tag=3, params=4 StartContainerRequest, async=5 bool",
  "containerz.UpdateContainerResponse": "update_ok=1 UpdateOK, update_error=2 UpdateError",
  "containerz.UpdateOK": "instance_name=1, is_async=2 bool",
  "containerz.UpdateError": "",
  "containerz.LogRequest": "instance_name=1, follow=2 bool",
  "containerz.LogResponse": "msg=1",
  "containerz.CreateVolumeRequest":
    "name=1, driver=2 Driver, local_mount_options=3 LocalDriverOptions, labels=4 map, custom_options=5 CustomOptions",
  "containerz.LocalDriverOptions": "type=1 Type, options=2 string[], mountpoint=3",
  "containerz.CustomOptions": "options=1 map",
  "containerz.CreateVolumeResponse": "name=1",
  "containerz.RemoveVolumeRequest": "name=1, force=2 bool",
  "containerz.RemoveVolumeResponse": "",
  "containerz.ListVolumeRequest": "filter=1 Filter[]",
  "containerz.ListVolumeRequest.Filter": "key=1, value=2 string[]",
  "containerz.ListVolumeResponse": "name=1, created=2 google.protobuf.Timestamp, driver=3, options=4 map, labels=5 map",
  "common.RemoteDownload":
    "path=1, protocol=2 Protocol, credentials=3 gnoi.types.Credentials, source_address=4, source_vrf=5",
  "types.Credentials": "username=1, cleartext=2, hashed=3 HashType",
  "types.HashType": "method=1 HashMethod, hash=2 bytes",
  "system.TimeRequest": "",
  "system.TimeResponse": "time=1 uint64",
  "os.VerifyRequest": "",
  "os.VerifyResponse": "version=1, activation_fail_message=2"
}

const enums: Record<string, string> = {
  "containerz.ListContainerResponse.Status": "UNSPECIFIED=0 STOPPED=1 RUNNING=2 PRESENT=3 NOT_FOUND=4",
  "containerz.StartContainerRequest.Restart.Policy": "NONE=0 ALWAYS=1 UNLESS_STOPPED=2 ON_FAILURE=3",
  "containerz.StartContainerRequest.Location": "L_UNKNOWN=0 L_PRIMARY=1 L_BACKUP=2 L_ALL=3",
  "containerz.Device.Permission": "UNSPECIFIED=0 READ=1 WRITE=2 MKNOD=3",
  "containerz.Driver": "DS_UNSPECIFIED=0 DS_LOCAL=1 DS_CUSTOM=2",
  "containerz.LocalDriverOptions.Type": "TYPE_UNSPECIFIED=0 TYPE_NONE=1",
  "common.RemoteDownload.Protocol": "UNKNOWN=0 SFTP=1 HTTP=2 HTTPS=3 SCP=4",
  "types.HashType.HashMethod": "UNSPECIFIED=0 SHA256=1 SHA512=2 MD5=3"
}

/** `>` a stream of it. */
const methods: Record<string, string> = {
  "containerz.Containerz": [
    "Deploy: >DeployRequest >DeployResponse",
    "ListImage: ListImageRequest >ListImageResponse",
    "RemoveImage: RemoveImageRequest RemoveImageResponse",
    "ListContainer: ListContainerRequest >ListContainerResponse",
    "RemoveContainer: RemoveContainerRequest RemoveContainerResponse",
    "StartContainer: StartContainerRequest StartContainerResponse",
    "StopContainer: StopContainerRequest StopContainerResponse",
    "UpdateContainer: UpdateContainerRequest UpdateContainerResponse",
    "Log: LogRequest >LogResponse",
    "CreateVolume: CreateVolumeRequest CreateVolumeResponse",
    "RemoveVolume: RemoveVolumeRequest RemoveVolumeResponse",
    "ListVolume: ListVolumeRequest >ListVolumeResponse"
  ].join(", "),
  "system.System": "Time: TimeRequest TimeResponse",
  "os.OS": "Verify: VerifyRequest VerifyResponse"
}

interface Node {
  readonly nested?: Record<string, Node>
  readonly oneofs?: Record<string, { readonly oneof: ReadonlyArray<string> }>
  readonly fields?: Record<
    string,
    { readonly id: number; readonly type: string; readonly rule?: string; readonly keyType?: string }
  >
  readonly values?: Record<string, number>
  readonly methods?: Record<string, Record<string, unknown>>
  readonly reserved?: ReadonlyArray<ReadonlyArray<number> | string>
}

const root = compileDescriptor() as Node

const nodes = new Map<string, Node>()
const walk = (node: Node, path: string): void => {
  nodes.set(path, node)
  for (const [name, child] of Object.entries(node.nested ?? {})) walk(child, path === "" ? name : `${path}.${name}`)
}
walk(root.nested!["gnoi"]!, "")

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const fieldsOf = (node: Node) =>
  Object.entries(node.fields ?? {})
    .sort(([, a], [, b]) => a.id - b.id)
    .map(([name, { id, keyType, rule, type }]) => {
      if (keyType !== undefined) {
        return `${snake(name)}=${id} ${keyType === "string" && type === "string" ? "map" : "?"}`
      }
      const what = rule === "repeated" ? `${type}[]` : type
      return `${snake(name)}=${id}${what === "string" ? "" : ` ${what}`}`
    }).join(", ")

const pick = (has: keyof Node, show: (node: Node) => string) =>
  Object.fromEntries([...nodes].filter(([, node]) => node[has] !== undefined).map(([path, node]) => [path, show(node)]))

const reservedOf = (name: string) =>
  (nodes.get(`containerz.${name}`)?.reserved ?? []).map((range) => Array.isArray(range) ? range[0] : range)

const oneofsOf = (name: string) =>
  Object.fromEntries(
    Object.entries(nodes.get(name)?.oneofs ?? {}).map(([oneof, members]) => [oneof, members.oneof.map(snake)])
  )

describe("the interface", () => {
  it("has these messages and fields, and no others", () => {
    assert.deepStrictEqual(pick("fields", fieldsOf), messages)
  })

  it("has these enums", () => {
    assert.deepStrictEqual(
      pick("values", ({ values }) => Object.entries(values!).map(([name, value]) => `${name}=${value}`).join(" ")),
      enums
    )
  })

  it("has these methods", () => {
    assert.deepStrictEqual(
      pick("methods", (node) =>
        Object.entries(node.methods!).map(([name, method]) => {
          const request = `${method["requestStream"] === true ? ">" : ""}${String(method["requestType"])}`
          const response = `${method["responseStream"] === true ? ">" : ""}${String(method["responseType"])}`
          return `${name}: ${request} ${response}`
        }).join(", ")),
      methods
    )
  })

  it("has these choices", () => {
    assert.deepStrictEqual(oneofsOf("containerz.DeployRequest"), {
      request: ["image_transfer", "content", "image_transfer_end"]
    })
    assert.deepStrictEqual(oneofsOf("containerz.DeployResponse"), {
      response: ["image_transfer_ready", "image_transfer_progress", "image_transfer_success", "image_transfer_error"]
    })
    assert.deepStrictEqual(oneofsOf("containerz.StartContainerResponse"), { response: ["start_ok", "start_error"] })
    assert.deepStrictEqual(oneofsOf("containerz.UpdateContainerResponse"), { response: ["update_ok", "update_error"] })
    assert.deepStrictEqual(oneofsOf("containerz.CreateVolumeRequest"), {
      options: ["local_mount_options", "custom_options"]
    })
    assert.deepStrictEqual(oneofsOf("types.Credentials"), { password: ["cleartext", "hashed"] })
  })

  it("leaves alone the numbers that older dialects use", () => {
    for (
      const name of [
        "RemoveImageResponse",
        "RemoveContainerResponse",
        "StopContainerResponse",
        "StartError",
        "UpdateError"
      ]
    ) assert.deepStrictEqual(reservedOf(name), [1, 2], name)
    assert.deepStrictEqual(reservedOf("RemoveContainerRequest"), [2])
  })

  it("is what the definitions are made of, Any and Timestamp included", () => {
    const outermost = [messages, methods, enums].flatMap(Object.keys).filter((name) => name.split(".").length === 2)
    for (const name of outermost) {
      assert.property(packageDefinition, `gnoi.${name}`)
    }
    for (const name of ["google.rpc.Status", "google.protobuf.Any", "google.protobuf.Timestamp"]) {
      assert.property(packageDefinition, name)
    }
  })
})
