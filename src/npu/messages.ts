/**
 * The messages of gNOI Containerz (and of the two neighbours `System.Time` and
 * `OS.Verify`) as they stand on the `Wire`: field names in camel case, 64-bit
 * integers as decimal strings, enums as their names, `bytes` as `Uint8Array`.
 *
 * Responses are typed as a peer that follows the interface fills them; the
 * `Npu` client still decodes what arrives, since peers do not always follow it.
 */

export type Timestamp = { readonly seconds: string; readonly nanos: number }

export interface HashType {
  readonly method: "UNSPECIFIED" | "SHA256" | "SHA512" | "MD5"
  /** The raw digest, not its hexadecimal spelling. */
  readonly hash: Uint8Array
}

export interface Filter {
  readonly key: string
  readonly value: ReadonlyArray<string>
}

// ---------------------------------------------------------------- Deploy

export interface Credentials {
  readonly username: string
  readonly cleartext?: string
  readonly hashed?: HashType
}

export interface RemoteDownload {
  readonly path: string
  readonly protocol: "UNKNOWN" | "SFTP" | "HTTP" | "HTTPS" | "SCP"
  readonly credentials?: Credentials
  readonly sourceAddress?: string
  readonly sourceVrf?: string
}

export interface ImageTransfer {
  readonly name: string
  readonly tag: string
  /** Bytes, as a decimal string (uint64). */
  readonly imageSize: string
  readonly remoteDownload?: RemoteDownload
  readonly isPlugin?: boolean
}

/** google.rpc.Status, without its details. */
export interface RpcStatus {
  readonly code: number
  readonly message: string
}

export type DeployRequest =
  | { readonly imageTransfer: ImageTransfer }
  | { readonly content: Uint8Array }
  | { readonly imageTransferEnd: Record<string, never> }

/** Exactly one field is set by a peer that follows the interface. */
export interface DeployResponse {
  readonly imageTransferReady?: { readonly chunkSize: number }
  readonly imageTransferProgress?: { readonly bytesReceived: string }
  readonly imageTransferSuccess?: { readonly name: string; readonly tag: string; readonly imageSize: string }
  readonly imageTransferError?: RpcStatus
}

// ---------------------------------------------------------------- images

export interface ListImageRequest {
  readonly limit?: number
  readonly filter?: ReadonlyArray<Filter>
}

export interface ListImageResponse {
  readonly id: string
  readonly imageName: string
  readonly tag: string
}

export interface RemoveImageRequest {
  readonly name: string
  readonly tag: string
  readonly force?: boolean
}

/** What an older server says in an answer that ended with OK; `in-band.ts` knows what the numbers mean. */
export interface InBandStatus {
  readonly code?: number
  readonly detail?: string
}

/** The same within the answer to a start or an update. */
export interface InBandFault {
  readonly errorCode?: number
  readonly details?: string
}

// ---------------------------------------------------------------- containers

export type ContainerStatusName = "UNSPECIFIED" | "STOPPED" | "RUNNING" | "PRESENT" | "NOT_FOUND"

export interface ListContainerRequest {
  /** false (the default of the interface) lists running containers only. */
  readonly all?: boolean
  readonly limit?: number
  readonly filter?: ReadonlyArray<Filter>
}

export interface ListContainerResponse {
  readonly id: string
  /** May be several names joined by a comma, each with a leading slash. */
  readonly name: string
  /** `repository:tag`; the repository may hold a port. */
  readonly imageName: string
  readonly status: ContainerStatusName
  readonly labels: Readonly<Record<string, string>>
  readonly hash?: HashType | null
}

export interface Port {
  readonly internal: number
  readonly external: number
}

export interface Volume {
  readonly name: string
  readonly mountPoint: string
  readonly readOnly?: boolean
}

export interface Device {
  readonly srcPath: string
  readonly dstPath: string
  readonly permissions: ReadonlyArray<"UNSPECIFIED" | "READ" | "WRITE" | "MKNOD">
}

export type RestartPolicyName = "NONE" | "ALWAYS" | "UNLESS_STOPPED" | "ON_FAILURE"

export interface StartContainerRequest {
  readonly imageName: string
  readonly tag: string
  readonly cmd?: string
  readonly instanceName: string
  readonly ports?: ReadonlyArray<Port>
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: ReadonlyArray<Volume>
  readonly network?: string
  readonly cap?: { readonly add?: ReadonlyArray<string>; readonly remove?: ReadonlyArray<string> }
  readonly restart?: { readonly policy: RestartPolicyName; readonly attempts?: number }
  readonly runAs?: { readonly user: string; readonly group: string }
  readonly labels?: Readonly<Record<string, string>>
  readonly limits?: { readonly maxCpu?: number; readonly softMemBytes?: string; readonly hardMemBytes?: string }
  readonly devices?: ReadonlyArray<Device>
  readonly location?: "L_UNKNOWN" | "L_PRIMARY" | "L_BACKUP" | "L_ALL"
}

export interface StartContainerResponse {
  readonly startOk?: { readonly instanceName: string }
  readonly startError?: InBandFault
}

export interface StopContainerRequest {
  readonly instanceName: string
  readonly force?: boolean
  readonly restart?: boolean
}

export interface RemoveContainerRequest {
  readonly name: string
  readonly force?: boolean
}

export interface UpdateContainerRequest {
  readonly instanceName: string
  readonly imageName: string
  readonly imageTag: string
  readonly params?: StartContainerRequest
  readonly async?: boolean
}

export interface UpdateContainerResponse {
  readonly updateOk?: { readonly instanceName: string; readonly isAsync: boolean }
  readonly updateError?: InBandFault
}

export interface LogRequest {
  readonly instanceName: string
  readonly follow?: boolean
}

export interface LogResponse {
  readonly msg: string
}

// ---------------------------------------------------------------- volumes

export interface CreateVolumeRequest {
  readonly name: string
  readonly driver?: "DS_UNSPECIFIED" | "DS_LOCAL" | "DS_CUSTOM"
  readonly localMountOptions?: {
    readonly type: "TYPE_UNSPECIFIED" | "TYPE_NONE"
    readonly options: ReadonlyArray<string>
    readonly mountpoint: string
  }
  readonly customOptions?: { readonly options: Readonly<Record<string, string>> }
  readonly labels?: Readonly<Record<string, string>>
}

export interface RemoveVolumeRequest {
  readonly name: string
  readonly force?: boolean
}

export interface ListVolumeRequest {
  readonly filter?: ReadonlyArray<Filter>
}

export interface ListVolumeResponse {
  readonly name: string
  readonly created?: Timestamp | null
  readonly driver: string
  readonly options: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

// ---------------------------------------------------------------- reflection

export interface ReflectionRequest {
  readonly fileContainingSymbol: string
}

/** Of a file that a server was built from. */
export interface ReflectedFile {
  readonly package: string
  readonly messageType: ReadonlyArray<{
    readonly name: string
    readonly field: ReadonlyArray<{ readonly name: string; readonly number: number }>
  }>
  readonly service: ReadonlyArray<{
    readonly name: string
    readonly method: ReadonlyArray<{ readonly name: string }>
  }>
}

export interface ReflectionResponse {
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: ReadonlyArray<ReflectedFile> }
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string }
}

// ---------------------------------------------------------------- the methods

type Empty = Record<string, never>

/** The unary calls of today's interface: name, what goes out, what comes back. */
export interface CurrentUnaryMethods {
  readonly StartContainer: { readonly request: StartContainerRequest; readonly response: StartContainerResponse }
  readonly StopContainer: { readonly request: StopContainerRequest; readonly response: InBandStatus }
  readonly RemoveContainer: { readonly request: RemoveContainerRequest; readonly response: InBandStatus }
  readonly UpdateContainer: { readonly request: UpdateContainerRequest; readonly response: UpdateContainerResponse }
  readonly RemoveImage: { readonly request: RemoveImageRequest; readonly response: InBandStatus }
  readonly CreateVolume: { readonly request: CreateVolumeRequest; readonly response: { readonly name: string } }
  readonly RemoveVolume: { readonly request: RemoveVolumeRequest; readonly response: Empty }
  /** gnoi.system.System/Time; nanoseconds since the epoch as a decimal string. */
  readonly Time: { readonly request: Empty; readonly response: { readonly time: string } }
  /** gnoi.os.OS/Verify; the image that the NPU itself runs. */
  readonly Verify: {
    readonly request: Empty
    readonly response: { readonly version: string; readonly activationFailMessage: string }
  }
}

/** Every unary call of the `Wire`: those of today, and what gnoi 0.3 called them. */
export interface UnaryMethods extends CurrentUnaryMethods {
  readonly Start: CurrentUnaryMethods["StartContainer"]
  readonly Stop: CurrentUnaryMethods["StopContainer"]
  readonly Remove: CurrentUnaryMethods["RemoveContainer"]
}

/** The server-streaming calls of today's interface. */
export interface CurrentStreamMethods {
  readonly ListContainer: { readonly request: ListContainerRequest; readonly response: ListContainerResponse }
  readonly ListImage: { readonly request: ListImageRequest; readonly response: ListImageResponse }
  readonly ListVolume: { readonly request: ListVolumeRequest; readonly response: ListVolumeResponse }
  readonly Log: { readonly request: LogRequest; readonly response: LogResponse }
}

/** Every server-streaming call of the `Wire`; reflection is one where only one question is asked. */
export interface StreamMethods extends CurrentStreamMethods {
  readonly List: CurrentStreamMethods["ListContainer"]
  readonly Reflection: { readonly request: ReflectionRequest; readonly response: ReflectionResponse }
  readonly ReflectionAlpha: { readonly request: ReflectionRequest; readonly response: ReflectionResponse }
}

export type CurrentUnaryMethod = keyof CurrentUnaryMethods
export type UnaryMethod = keyof UnaryMethods
export type StreamMethod = keyof StreamMethods
export type MethodName = UnaryMethod | StreamMethod | "Deploy"
