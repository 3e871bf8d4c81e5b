/** Calls must bring user name and password, or a token, as a SONiC server with `user_auth` demands it. */
import * as grpc from "@grpc/grpc-js"

/** @param expected what the metadata of each call must hold, asked for each */
export const demanding = (expected: () => Readonly<Record<string, string>>): grpc.ServerInterceptor => (_, call) =>
  new grpc.ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, pass) => {
          const isIt = Object.entries(expected()).every(([key, value]) => metadata.get(key).includes(value))
          if (isIt) pass(metadata)
          else call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: "Unauthenticated" })
        }
      })
  })
