/**
 * Certificates for labs: X.509 in as much DER as it takes, with keys of the
 * P-256 curve. Node reads certificates and makes none.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto"
import { isIPv4 } from "node:net"

/** PEM texts. */
export interface Certified {
  readonly name: string
  readonly certificate: string
  readonly key: string
}

export interface Request {
  /** The subject's common name. */
  readonly name: string
  /** Names and IPv4 addresses that it is for. */
  readonly hosts?: ReadonlyArray<string>
  /** Valid from and to, ms since 1970. */
  readonly from: number
  readonly to: number
  /** Who signs it; itself where nothing is said. */
  readonly issuer?: Certified
  /** Whether it may sign others. */
  readonly authority?: boolean
}

/** A new key and its certificate. */
export const certify = (request: Request): Certified => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const serial = randomBytes(16)
  // Positive, and of full length.
  serial[0] = serial[0]! & 0x7f | 0x40
  const signed = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    ecdsaWithSha256,
    nameOf(request.issuer?.name ?? request.name),
    sequence(time(request.from), time(request.to)),
    nameOf(request.name),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensionsOf(request)))
  )
  const signer = request.issuer === undefined ? privateKey : createPrivateKey(request.issuer.key)
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", signed, signer)])
  return {
    name: request.name,
    certificate: pem(sequence(signed, ecdsaWithSha256, tagged(0x03, signature))),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string
  }
}

const hour = 3_600_000

/**
 * One that signs itself and lives as long as the process, as a SONiC NPU makes it
 * where certificates are configured and their files are not there.
 */
export const ephemeral = (host: string, now: number): Certified =>
  certify({ name: "npu-sim, ephemeral", hosts: [host, "localhost"], from: now - hour, to: now + 365 * 24 * hour })

const extensionsOf = ({ authority, hosts = [] }: Request): ReadonlyArray<Buffer> => [
  ...(hosts.length === 0 ? [] : [sequence(subjectAltName, tagged(0x04, sequence(...hosts.map(hostOf))))]),
  sequence(basicConstraints, yes, tagged(0x04, authority === true ? sequence(yes) : sequence()))
]

const hostOf = (host: string): Buffer =>
  isIPv4(host) ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host))

const tagged = (tag: number, content: Uint8Array): Buffer => {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>): Buffer => tagged(0x30, Buffer.concat(parts))

const identifier = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, "hex"))

/** 2.5.4.3, 2.5.29.17, 2.5.29.19, 1.2.840.10045.4.3.2. */
const commonName = identifier("550403")
const subjectAltName = identifier("551d11")
const basicConstraints = identifier("551d13")
const ecdsaWithSha256 = sequence(identifier("2a8648ce3d040302"))

const yes = tagged(0x01, Buffer.from([0xff]))

const nameOf = (name: string): Buffer => sequence(tagged(0x31, sequence(commonName, tagged(0x0c, Buffer.from(name)))))

/** UTCTime, which serves until 2049. */
const time = (moment: number): Buffer =>
  tagged(0x17, Buffer.from(`${new Date(moment).toISOString().replace(/\.\d+Z$/, "").replace(/[-:T]/g, "").slice(2)}Z`))

const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`
