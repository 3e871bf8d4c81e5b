/** The methods of the `Wire` by name: path, encoder, decoder. */
import type * as grpc from "@grpc/grpc-js"

import { containerz, type Definition, inBand, oldest, os, reflection, system } from "../../proto/definition.ts"
import type {
  DeployRequest,
  DeployResponse,
  StreamMethod,
  StreamMethods,
  UnaryMethod,
  UnaryMethods
} from "../../src/npu/messages.ts"

// Answers are read with the fields of older servers, whatever the server is: an error in one is never overlooked.
const unaries: Definition<UnaryMethods> = { ...containerz, ...system, ...os, ...oldest, ...inBand }
const streams: Definition<StreamMethods> = { ...containerz, ...oldest, ...reflection }

/** What a call needs to know of its method. */
export interface Method<Request, Response> {
  readonly path: string
  readonly encode: (request: Request) => Buffer
  readonly decode: (bytes: Buffer) => Response
}

export const unaryMethod = <M extends UnaryMethod>(
  name: M
): Method<UnaryMethods[M]["request"], UnaryMethods[M]["response"]> => methodOf(unaries[name])

export const streamMethod = <M extends StreamMethod>(
  name: M
): Method<StreamMethods[M]["request"], StreamMethods[M]["response"]> => methodOf(streams[name])

export const deployMethod = (): Method<DeployRequest, DeployResponse> => methodOf(containerz.Deploy)

const methodOf = <Request, Response>(
  definition: grpc.MethodDefinition<Request, Response>
): Method<Request, Response> => ({
  path: definition.path,
  encode: definition.requestSerialize,
  decode: (bytes) => withoutOneofName(definition.responseDeserialize(bytes))
})

/** The decoder adds the name of the oneof member that is set, which `messages.ts` does not know. */
const withoutOneofName = <Response>(message: Response): Response => {
  if (typeof message === "object" && message !== null && "response" in message) delete message.response
  return message
}
