/** Certificates made for a test, in a folder that goes with it. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Effect from "effect/Effect"

import { type Certified, certify, type Request } from "../../../layers/npu-sim/server/x509.ts"

const day = 86_400_000

/** Valid since yesterday, for two days, unless the request says otherwise. */
export const made = (request: Partial<Request> & { readonly name: string }): Certified =>
  certify({ from: Date.now() - day, to: Date.now() + day, ...request })

export const authority = (name = "test authority"): Certified => made({ name, authority: true })

export const expired = { from: Date.now() - 3 * day, to: Date.now() - 2 * day }
export const notYetValid = { from: Date.now() + 2 * day, to: Date.now() + 3 * day }

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "offloader-certificates-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Where a test's certificates are, and how they are replaced. */
export const place = (folder: string) => {
  const files = { ca: join(folder, "ca.pem"), certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") }
  const replace = (path: string, text: string): void => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  return {
    files,
    /** Each file written aside and renamed over, as careful tools do. */
    rename: (ca: string, own: Certified): void => {
      replace(files.ca, ca)
      replace(files.certificate, own.certificate)
      replace(files.key, own.key)
    },
    /** Written in place, as careless ones do. */
    overwrite: (ca: string, own: Certified): void => {
      writeFileSync(files.ca, ca)
      writeFileSync(files.certificate, own.certificate)
      writeFileSync(files.key, own.key)
    },
    /** All at once: a link to a folder is swapped, as Kubernetes does. */
    swap: (version: string, ca: string, own: Certified) => {
      const target = join(folder, version)
      mkdirSync(target)
      writeFileSync(join(target, "ca.pem"), ca)
      writeFileSync(join(target, "cert.pem"), own.certificate)
      writeFileSync(join(target, "key.pem"), own.key)
      symlinkSync(target, join(folder, "current.new"))
      renameSync(join(folder, "current.new"), join(folder, "current"))
      const current = join(folder, "current")
      return { ca: join(current, "ca.pem"), certificate: join(current, "cert.pem"), key: join(current, "key.pem") }
    }
  }
}
