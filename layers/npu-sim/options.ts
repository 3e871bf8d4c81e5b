/** How npu-sim's options are written: addresses, sizes and times, and what is wrong with one that is not. */
import { isIP } from "node:net"

import * as Either from "effect/Either"

export interface Address {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT` or `[V6]:PORT`; port 0 picks one. Left is a sentence. */
export const parseAddress = (text: string): Either.Either<Address, string> => {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || (match?.[1] !== undefined && isIP(match[1]) !== 6)) {
    return Either.left(`${JSON.stringify(text)} is not HOST:PORT`)
  }
  return port > 65_535
    ? Either.left(`port ${port} is beyond 65535`)
    : Either.right({ host, port })
}

/** As it is written, with brackets where they are needed. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

const units: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  K: 2 ** 10,
  KIB: 2 ** 10,
  KB: 1e3,
  M: 2 ** 20,
  MIB: 2 ** 20,
  MB: 1e6,
  G: 2 ** 30,
  GIB: 2 ** 30,
  GB: 1e9,
  T: 2 ** 40,
  TIB: 2 ** 40,
  TB: 1e12
}

/** `500M`, `16GiB`, `1000000`: bytes; K, M, G and T are powers of 1024. Left is a sentence. */
export const parseSize = (text: string): Either.Either<number, string> => {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)$/.exec(text)
  const unit = match === null ? undefined : units[match[2]!.toUpperCase()]
  const bytes = unit === undefined ? Number.NaN : Math.floor(Number(match![1]) * unit)
  return Number.isSafeInteger(bytes)
    ? Either.right(bytes)
    : Either.left(`${JSON.stringify(text)} is not a size such as 500M or 16GiB`)
}

/** `5`, `0.5`: seconds, above 0 and at most a day. Left is a sentence. */
export const parseSeconds = (text: string): Either.Either<number, string> => {
  const seconds = /^[0-9]+(?:\.[0-9]+)?$/.test(text) ? Number(text) : 0
  return seconds > 0 && seconds <= 86_400
    ? Either.right(seconds)
    : Either.left(`${JSON.stringify(text)} is no number of seconds, above 0 and at most a day (86400)`)
}
