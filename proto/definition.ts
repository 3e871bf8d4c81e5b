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
 *    Nothing is then read from disk. `import.meta` is in dead code then, of which
 *    esbuild still warns; logOverride: { "empty-import-meta": "silent" } hushes it;
 *  - otherwise the .proto files, found from `import.meta.url` (sources, tests).
 */
import { fileURLToPath } from "node:url"

import type * as grpc from "@grpc/grpc-js"
import * as protoLoader from "@grpc/proto-loader"

import type {
  CurrentStreamMethods,
  CurrentUnaryMethods,
  DeployRequest,
  DeployResponse,
  StreamMethods,
  UnaryMethods
} from "../src/npu/messages.ts"

declare const OFFLOADER_PROTO_JSON: string | undefined

type SystemMethods = Pick<UnaryMethods, "Time">
type OsMethods = Pick<UnaryMethods, "Verify">
type ContainerzUnaryMethods = Omit<CurrentUnaryMethods, "Time" | "Verify">
type ContainerzMethods =
  & ContainerzUnaryMethods
  & CurrentStreamMethods
  & { readonly Deploy: { readonly request: DeployRequest; readonly response: DeployResponse } }

type Methods<M> = { readonly [Name in keyof M]: { readonly request: unknown; readonly response: unknown } }

/** A `grpc.ServiceDefinition` whose methods are known by name and type. */
export type Definition<M extends Methods<M>> = {
  readonly [Name in keyof M]: grpc.MethodDefinition<M[Name]["request"], M[Name]["response"]>
}

type UnaryHandlers<M extends Methods<M>> = {
  readonly [Name in keyof M]: grpc.handleUnaryCall<M[Name]["request"], M[Name]["response"]>
}

type StreamHandlers<M extends Methods<M>> = {
  readonly [Name in keyof M]: grpc.handleServerStreamingCall<M[Name]["request"], M[Name]["response"]>
}

/** How a server meets a service; what `grpc.Server.addService` takes with its definition. */
export type ContainerzHandlers =
  & UnaryHandlers<ContainerzUnaryMethods>
  & StreamHandlers<CurrentStreamMethods>
  & { readonly Deploy: grpc.handleBidiStreamingCall<DeployRequest, DeployResponse> }
export type SystemHandlers = UnaryHandlers<SystemMethods>
export type OsHandlers = UnaryHandlers<OsMethods>

type InBandMethods = Pick<
  UnaryMethods,
  "RemoveImage" | "RemoveContainer" | "StartContainer" | "StopContainer" | "UpdateContainer"
>
type OldestMethods = Pick<UnaryMethods, "Start" | "Stop" | "Remove"> & Pick<StreamMethods, "List">
type ReflectionMethods = Pick<StreamMethods, "Reflection" | "ReflectionAlpha">

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
export const containerz = serviceOf<ContainerzMethods>("gnoi.containerz.Containerz")

/** gnoi.system.System, `Time` only. */
export const system = serviceOf<SystemMethods>("gnoi.system.System")

/** gnoi.os.OS, `Verify` only. */
export const os = serviceOf<OsMethods>("gnoi.os.OS")

const containerzPath = "/gnoi.containerz.Containerz/"

/**
 * The calls whose answers may carry an error beside status OK, on servers older than
 * gnoi 0.8. Newer answers read the same by them.
 */
export const inBand = movedTo<InBandMethods>(containerzPath, serviceOf("offloader.older.InBand"))

/** The names of gnoi 0.3. */
export const oldest = movedTo<OldestMethods>(containerzPath, serviceOf("offloader.older.Oldest"))

/** Server reflection in both its versions, for one question. */
export const reflection = reflectionOf(serviceOf("grpc.reflection.v1.ServerReflection"))

function reflectionOf(
  service: Definition<{ readonly ServerReflectionInfo: ReflectionMethods["Reflection"] }>
): Definition<ReflectionMethods> {
  const { ServerReflectionInfo: info } = service
  return {
    Reflection: info,
    ReflectionAlpha: { ...info, path: info.path.replace(".v1.", ".v1alpha.") }
  }
}

function movedTo<M extends Methods<M>>(path: string, definition: Definition<M>): Definition<M> {
  return Object.fromEntries(
    Object.entries<grpc.MethodDefinition<unknown, unknown>>(definition).map(([name, method]) => [
      name,
      { ...method, path: `${path}${name}` }
    ])
  ) as unknown as Definition<M>
}

function load(): protoLoader.PackageDefinition {
  if (typeof OFFLOADER_PROTO_JSON === "string") {
    return protoLoader.fromJSON(JSON.parse(OFFLOADER_PROTO_JSON), loaderOptions)
  }
  // The same list as `entryFiles` of compile.mjs.
  return protoLoader.loadSync(
    [
      "github.com/openconfig/gnoi/containerz/containerz.proto",
      "github.com/openconfig/gnoi/system/system.proto",
      "github.com/openconfig/gnoi/os/os.proto",
      "offloader/older.proto",
      "grpc/reflection/v1/reflection.proto"
    ],
    { ...loaderOptions, includeDirs: [fileURLToPath(new URL(".", import.meta.url))] }
  )
}

function serviceOf<M extends Methods<M>>(name: string): Definition<M> {
  const definition = packageDefinition[name]
  if (definition === undefined || "format" in definition) throw new Error(`no service ${name} in the proto files`)
  return definition as unknown as Definition<M>
}
