/** Certificates and keys as they came from their files, and whether they can be used. */
import { createPrivateKey, X509Certificate } from "node:crypto"

import * as Data from "effect/Data"

/** PEM texts. `certificate` and `key` go together. */
export interface Material {
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
}

/** Where they are. */
export type CertificateFiles = { readonly [K in keyof Material]: string }

/**
 * Material that cannot be used; `message` is a sentence that names the file.
 * The last two depend on the time, and may be this machine's clock's fault.
 */
export class CertificateError extends Data.TaggedError("CertificateError")<{
  readonly fault: "Unreadable" | "Malformed" | "KeyMismatch" | "CertificateExpired" | "CertificateNotYetValid"
  readonly message: string
}> {}

/** What is wrong with it at this time (ms since 1970), the worst first. */
export const faultOf = (files: CertificateFiles, material: Material, now: number): CertificateError | undefined => {
  const authorities = material.ca === undefined ? [] : parseAll(files.ca!, material.ca)
  if (authorities instanceof CertificateError) return authorities
  const chain = material.certificate === undefined ? [] : parseAll(files.certificate!, material.certificate)
  if (chain instanceof CertificateError) return chain
  const [own] = chain
  return (own === undefined ? undefined : keyFault(files, material, own))
    ?? (own === undefined ? undefined : dateFault(files.certificate!, own, now))
    ?? bundleFault(files.ca, authorities, now)
}

/** In hexadecimal digits; undefined where there is no certificate. Of material without fault. */
export const serialOf = (material: Material): string | undefined =>
  material.certificate === undefined ? undefined : new X509Certificate(material.certificate).serialNumber

const block = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

const parseAll = (path: string, text: string): ReadonlyArray<X509Certificate> | CertificateError => {
  const blocks = text.match(block) ?? []
  if (blocks.length === 0) {
    return new CertificateError({ fault: "Malformed", message: `${path} holds no certificate in PEM form` })
  }
  try {
    return blocks.map((each) => new X509Certificate(each))
  } catch (error) {
    return new CertificateError({
      fault: "Malformed",
      message: `${path} holds a certificate that cannot be read: ${textOf(error)}`
    })
  }
}

const keyFault = (files: CertificateFiles, material: Material, own: X509Certificate): CertificateError | undefined => {
  try {
    if (own.checkPrivateKey(createPrivateKey(material.key!))) return undefined
  } catch (error) {
    return new CertificateError({
      fault: "Malformed",
      message: `${files.key} holds no private key that can be read: ${textOf(error)}`
    })
  }
  return new CertificateError({
    fault: "KeyMismatch",
    message: `the key in ${files.key} does not belong to the certificate in ${files.certificate}`
  })
}

const dateFault = (path: string, certificate: X509Certificate, now: number): CertificateError | undefined => {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (now < from) {
    return new CertificateError({
      fault: "CertificateNotYetValid",
      message: `the certificate in ${path} is not valid before ${iso(from)}, and this clock says ${
        iso(now)
      }: is it right?`
    })
  }
  return now <= to ? undefined : new CertificateError({
    fault: "CertificateExpired",
    message: `the certificate in ${path} expired at ${iso(to)}, and this clock says ${iso(now)}`
  })
}

/** Of several authorities one is enough. */
const bundleFault = (
  path: string | undefined,
  authorities: ReadonlyArray<X509Certificate>,
  now: number
): CertificateError | undefined => {
  const faults = authorities.map((each) => dateFault(path!, each, now))
  return faults.every((fault) => fault !== undefined) ? faults[0] : undefined
}

const iso = (moment: number): string => new Date(moment).toISOString()

const textOf = (error: unknown): string => error instanceof Error ? error.message : String(error)
