/** A plain grpc-js client of all that npu-sim serves, with promises. */
import * as grpc from "@grpc/grpc-js"

import { containerz, os, system } from "../../../proto/definition.ts"
import type {
  DeployRequest,
  DeployResponse,
  StreamMethod,
  StreamMethods,
  UnaryMethod,
  UnaryMethods
} from "../../../src/npu/messages.ts"

const Client = grpc.makeGenericClientConstructor({ ...containerz, ...system, ...os }, "npu")

export interface Answer {
  readonly messages: ReadonlyArray<DeployResponse>
  /** `OK` or the status's name. */
  readonly status: string
  readonly details: string
}

export interface TestClient {
  /** Rejects with the grpc-js ServiceError. */
  readonly unary: <M extends UnaryMethod>(
    method: M,
    request: UnaryMethods[M]["request"],
    deadlineMillis?: number
  ) => Promise<UnaryMethods[M]["response"]>
  /** `OK` or the status's name. */
  readonly status: <M extends UnaryMethod>(
    method: M,
    request: UnaryMethods[M]["request"],
    deadlineMillis?: number
  ) => Promise<string>
  readonly collect: <M extends StreamMethod>(
    method: M,
    request: StreamMethods[M]["request"]
  ) => Promise<ReadonlyArray<StreamMethods[M]["response"]>>
  readonly raw: <M extends StreamMethod>(method: M, request: StreamMethods[M]["request"]) => grpc.ClientReadableStream<
    StreamMethods[M]["response"]
  >
  /** Sends these messages as they are; `half-close` ends the stream, otherwise it stays open. */
  readonly deploy: (messages: ReadonlyArray<DeployRequest>, end?: "half-close" | "open") => Promise<Answer>
  /** Uploads as a proper client does. */
  readonly upload: (name: string, tag: string, bytes: Uint8Array) => Promise<Answer>
  readonly close: () => void
}

type Method = (...args: ReadonlyArray<unknown>) => grpc.ClientReadableStream<never>

export const connect = (
  port: number,
  credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
  options: grpc.ClientOptions = {}
): TestClient => {
  // By itself grpc-js shares one connection, and its backoff, among all clients of an address.
  const client = new Client(`127.0.0.1:${port}`, credentials, { "grpc.use_local_subchannel_pool": 1, ...options })
  const call = (method: string): Method => (client as unknown as Record<string, Method>)[method]!.bind(client)

  const unary: TestClient["unary"] = (method, request, deadlineMillis = 10_000) =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + deadlineMillis
      call(method)(request, { deadline }, (error: grpc.ServiceError | null, response: never) =>
        error === null ? resolve(response) : reject(error))
    })

  const deploy: TestClient["deploy"] = (messages, end = "half-close") =>
    new Promise((resolve) => {
      const stream = call("Deploy")() as unknown as grpc.ClientDuplexStream<DeployRequest, DeployResponse>
      gather(stream, resolve)
      for (const message of messages) stream.write(message)
      if (end === "half-close") stream.end()
    })

  return {
    unary,
    status: (method, request, deadlineMillis) =>
      unary(method, request, deadlineMillis).then(() => "OK", (error: grpc.ServiceError) => grpc.status[error.code]),
    collect: (method, request) =>
      new Promise((resolve, reject) => {
        const rows: Array<never> = []
        const stream = call(method)(request, { deadline: Date.now() + 10_000 })
        stream.on("data", (row: never) => rows.push(row))
        stream.on("error", reject)
        stream.on("end", () => resolve(rows))
      }),
    raw: (method, request) => call(method)(request),
    deploy,
    upload: (name, tag, bytes) =>
      deploy([
        { imageTransfer: { name, tag, imageSize: String(bytes.length) } },
        ...chunks(bytes, 2 ** 20).map((content) => ({ content })),
        { imageTransferEnd: {} }
      ]),
    close: () => client.close()
  }
}

const gather = (
  stream: grpc.ClientDuplexStream<DeployRequest, DeployResponse>,
  resolve: (answer: Answer) => void
): void => {
  const messages: Array<DeployResponse> = []
  stream.on("data", (message: DeployResponse) => messages.push(message))
  stream.on("error", () => undefined)
  stream.on(
    "status",
    ({ code, details }: grpc.StatusObject) => resolve({ messages, status: grpc.status[code], details })
  )
}

const chunks = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
