/**
 * The gRPC definitions of the services that the offloader speaks, from the
 * .proto files beside this file. Field names are camel case, 64-bit integers
 * decimal strings, enums their names, `bytes` Buffers; fields that are absent
 * get their default (messages: null), except the members of a oneof, which stay
 * absent, while the oneof's own name holds the name of the member that is set.
 *
 * For bundles. The text of the descriptor comes from one of two places:
 *  - `OFFLOADER_PROTO_JSON`, which the build defines: a string literal that holds
 *    the JSON of `compileDescriptor()` in `compile.mjs`, so for esbuild
 *      define: { OFFLOADER_PROTO_JSON: JSON.stringify(JSON.stringify(compileDescriptor())) }
 *    Nothing is then read from disk, and `import.meta` is in dead code;
 *  - otherwise the .proto files, found from `import.meta.url` (sources, tests).
 */
import { fileURLToPath } from "node:url"

import type * as grpc from "@grpc/grpc-js"
import * as protoLoader from "@grpc/proto-loader"

import type {
  CreateVolumeRequest,
  DeployRequest,
  DeployResponse,
  ListContainerRequest,
  ListContainerResponse,
  ListImageRequest,
  ListImageResponse,
  ListVolumeRequest,
  ListVolumeResponse,
  LogRequest,
  LogResponse,
  RemoveContainerRequest,
  RemoveImageRequest,
  RemoveVolumeRequest,
  StartContainerRequest,
  StartContainerResponse,
  StopContainerRequest,
  UnaryMethods,
  UpdateContainerRequest,
  UpdateContainerResponse
} from "../src/npu/messages.ts"

declare const OFFLOADER_PROTO_JSON: string | undefined

type Empty = Record<string, never>

/** How a server meets Containerz; what `grpc.Server.addService` takes. */
export interface ContainerzHandlers extends grpc.UntypedServiceImplementation {
  Deploy: grpc.handleBidiStreamingCall<DeployRequest, DeployResponse>
  ListImage: grpc.handleServerStreamingCall<ListImageRequest, ListImageResponse>
  RemoveImage: grpc.handleUnaryCall<RemoveImageRequest, Empty>
  ListContainer: grpc.handleServerStreamingCall<ListContainerRequest, ListContainerResponse>
  RemoveContainer: grpc.handleUnaryCall<RemoveContainerRequest, Empty>
  StartContainer: grpc.handleUnaryCall<StartContainerRequest, StartContainerResponse>
  StopContainer: grpc.handleUnaryCall<StopContainerRequest, Empty>
  UpdateContainer: grpc.handleUnaryCall<UpdateContainerRequest, UpdateContainerResponse>
  Log: grpc.handleServerStreamingCall<LogRequest, LogResponse>
  CreateVolume: grpc.handleUnaryCall<CreateVolumeRequest, { readonly name: string }>
  RemoveVolume: grpc.handleUnaryCall<RemoveVolumeRequest, Empty>
  ListVolume: grpc.handleServerStreamingCall<ListVolumeRequest, ListVolumeResponse>
}

export interface SystemHandlers extends grpc.UntypedServiceImplementation {
  Time: grpc.handleUnaryCall<UnaryMethods["Time"]["request"], UnaryMethods["Time"]["response"]>
}

export interface OsHandlers extends grpc.UntypedServiceImplementation {
  Verify: grpc.handleUnaryCall<UnaryMethods["Verify"]["request"], UnaryMethods["Verify"]["response"]>
}

/** A service definition whose methods are known by name. */
export type DefinitionOf<Handlers> = grpc.ServiceDefinition & {
  readonly [Name in keyof Handlers as string extends Name ? never : Name]: grpc.MethodDefinition<any, any>
}

const loaderOptions: protoLoader.Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true
}

/**
 * Everything that was loaded, by full name: services, messages, enums, each with
 * the file descriptors that server reflection serves.
 */
export const packageDefinition: protoLoader.PackageDefinition = load()

/** gnoi.containerz.Containerz */
export const containerz = serviceOf<ContainerzHandlers>("gnoi.containerz.Containerz")

/** gnoi.system.System, `Time` only. */
export const system = serviceOf<SystemHandlers>("gnoi.system.System")

/** gnoi.os.OS, `Verify` only. */
export const os = serviceOf<OsHandlers>("gnoi.os.OS")

function load(): protoLoader.PackageDefinition {
  if (typeof OFFLOADER_PROTO_JSON === "string") {
    return protoLoader.fromJSON(JSON.parse(OFFLOADER_PROTO_JSON), loaderOptions)
  }
  // The same list as `entryFiles` of compile.mjs.
  return protoLoader.loadSync(
    [
      "github.com/openconfig/gnoi/containerz/containerz.proto",
      "github.com/openconfig/gnoi/system/system.proto",
      "github.com/openconfig/gnoi/os/os.proto"
    ],
    { ...loaderOptions, includeDirs: [fileURLToPath(new URL(".", import.meta.url))] }
  )
}

function serviceOf<Handlers>(name: string): DefinitionOf<Handlers> {
  const definition = packageDefinition[name]
  if (definition === undefined || "format" in definition) throw new Error(`no service ${name} in the proto files`)
  return definition as unknown as DefinitionOf<Handlers>
}
