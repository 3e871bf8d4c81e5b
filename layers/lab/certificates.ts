/** A certificate authority of one's own for a lab, by the command `openssl`. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import * as Effect from "effect/Effect"

import { type ProcessError, run } from "./process.ts"

/** PEM files. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

/** From and until when, days from now. */
export interface Validity {
  readonly from: number
  readonly until: number
}

/** In force, and for longer than any lab. */
export const valid: Validity = { from: -1, until: 10 }

export interface Authority {
  /** Its own certificate, PEM. */
  readonly certificate: string
  /**
   * A new key and certificate for a name and an address, always in the same two
   * files, each replaced whole.
   */
  readonly issue: (name: string, address: string, validity: Validity) => Effect.Effect<Pair, ProcessError>
}

/** Why no authority can be made here, or undefined where it can. */
export const whyNoAuthority = (): Effect.Effect<string | undefined> =>
  Effect.match(run("openssl", ["version"]), {
    onFailure: () => "openssl is not installed (Debian: apt-get install openssl)",
    onSuccess: () => undefined
  })

/** Its files and those that it issues are in a folder of their own. */
export const makeAuthority = (folder: string): Effect.Effect<Authority, ProcessError> =>
  Effect.gen(function*() {
    const at = (file: string) => join(folder, file)
    mkdirSync(folder)
    writeFileSync(at("index.txt"), "")
    writeFileSync(at("authority.cnf"), configuration(folder))
    yield* run("openssl", [
      ...["req", "-x509", ...newKey, "-days", "30", "-subj", "/CN=lab authority"],
      ...["-keyout", at("authority.key"), "-out", at("authority.pem")]
    ])
    // The authority's own record of what it issued takes one at a time.
    const alone = yield* Effect.makeSemaphore(1)
    const issue = (name: string, address: string, validity: Validity) =>
      Effect.gen(function*() {
        const [key, request, certificate] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.pem`)]
        yield* run("openssl", [
          ...["req", ...newKey, "-subj", `/CN=${name}`, "-addext", `subjectAltName=IP:${address}`],
          ...["-keyout", `${key}.new`, "-out", request]
        ])
        yield* run("openssl", [
          ...["ca", "-batch", "-notext", "-config", at("authority.cnf"), "-in", request, "-out", `${certificate}.new`],
          ...["-startdate", yield* stamp(validity.from), "-enddate", yield* stamp(validity.until)]
        ])
        renameSync(`${key}.new`, key)
        renameSync(`${certificate}.new`, certificate)
        return { key, certificate }
      })
    return {
      certificate: at("authority.pem"),
      issue: (name, address, validity) => alone.withPermits(1)(issue(name, address, validity))
    }
  })

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

const day = 86_400_000

/** A moment as `openssl ca` takes it. */
const stamp = (days: number): Effect.Effect<string> =>
  Effect.map(
    Effect.clockWith((clock) => clock.currentTimeMillis),
    (now) => `${new Date(now + days * day).toISOString().replace(/\.\d+|[-:T]/g, "")}`
  )

const configuration = (folder: string): string =>
  `[ca]
default_ca = lab
[lab]
database = ${folder}/index.txt
new_certs_dir = ${folder}
certificate = ${folder}/authority.pem
private_key = ${folder}/authority.key
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
`
