/** TLS towards the NPU, from files; read anew for each channel, so renewed certificates are taken up. */
import { readFileSync } from "node:fs"

import * as grpc from "@grpc/grpc-js"
import * as Data from "effect/Data"
import * as Either from "effect/Either"

/** Paths of PEM files. `certificate` and `key` go together and make TLS mutual. */
export interface TlsFiles {
  readonly ca: string
  readonly certificate?: string
  readonly key?: string
}

/** Certificates that cannot be used; `message` names the file and the reason. */
export class CertificateError extends Data.TaggedError("CertificateError")<{ readonly message: string }> {}

/** Credentials for each new channel. Fails at once where a file cannot be read or is no certificate. */
export const tls = (files: TlsFiles): Either.Either<() => grpc.ChannelCredentials, CertificateError> => {
  if ((files.certificate === undefined) !== (files.key === undefined)) {
    return Either.left(new CertificateError({ message: "a certificate needs its key, and a key its certificate" }))
  }
  const make = (): grpc.ChannelCredentials =>
    grpc.credentials.createSsl(
      readFileSync(files.ca),
      files.key === undefined ? null : readFileSync(files.key),
      files.certificate === undefined ? null : readFileSync(files.certificate)
    )
  return Either.try({
    try: () => {
      let last = make()
      return () => {
        try {
          last = make()
        } catch {
          // Half-written while it is being renewed: the pair that worked goes on.
        }
        return last
      }
    },
    catch: (error) =>
      new CertificateError({
        message: `TLS cannot be set up: ${error instanceof Error ? error.message : String(error)}`
      })
  })
}
