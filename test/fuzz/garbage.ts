/** Hostile values: texts, numbers, bytes and messages that no honest peer sends. */
import { containerz, os, system } from "../../proto/definition.ts"
import type { Chance } from "../../src/simulate/chance.ts"

/** What stands at the beginning of a line that only a peer can have begun. */
export const forged = "FORGED"

const texts: ReadonlyArray<string> = [
  "",
  "gnmidpu0",
  "/gnmidpu0",
  "/gnmidpu0,/databasedpu0",
  "databasedpu0",
  "docker-sonic-gnmi:1",
  "docker-database",
  "host:5000/docker-dash-ha:1.0",
  "sha256:0123456789abcdef",
  "latest",
  "1.0,2.0,,latest",
  "../../../etc/passwd",
  "/etc/shadow",
  "a/../../b",
  "..",
  ".",
  "/",
  ",",
  ":",
  "::::",
  "@",
  "__proto__",
  "constructor",
  "toString",
  "\u0000",
  "gnmidpu0\u0000.sock",
  "\u001b[2J\u001b[H",
  "\u001b]0;owned\u0007",
  "\u001b]52;c;cm0gLXJm\u001b\\",
  "\u009b31m",
  "\u007f\u0080\u0085\u009f",
  "\r\n\r\nHTTP/1.1 200 OK",
  "one\ntwo\rthree\tfour",
  `harmless\n${forged} line`,
  "\u202egnp.exe",
  "\u2066\u061c\u200f\u2028\u2029\ufeff",
  "\ud800",
  "\udfff\ud83d",
  "🦑".repeat(50),
  "ﷺ".repeat(100),
  "é̂́̂́̂",
  "%s%n%00%0a",
  "'; DROP TABLE containers; --",
  "$(reboot) `reboot` | reboot",
  "-rf",
  "--force",
  "NaN",
  "null",
  "[object Object]"
]

/** One of the texts, or some of them joined, or a long one, or noise. */
export const text = (chance: Chance): string => {
  const kind = chance.below(20)
  if (kind < 13) return chance.pick(texts)
  if (kind < 16) return `${chance.pick(texts)}${chance.pick(texts)}`
  if (kind < 17) return chance.pick(texts).repeat(chance.below(200))
  if (kind < 18) return "x".repeat(chance.below(chance.hits(0.1) ? 300_000 : 20_000))
  return String.fromCharCode(...Array.from({ length: chance.below(40) }, () => chance.below(0x10000)))
}

/** -2^31 to 2^31 - 1, the edges more often than chance has it. */
export const int32 = (chance: Chance): number =>
  chance.hits(0.6)
    ? chance.pick([0, 1, -1, 2, 5, 1000, 65_536, 4_194_240, 4_194_304, 5_000_000, 2_147_483_647, -2_147_483_648])
    : chance.word()

export const uint64 = (chance: Chance): string =>
  chance.pick(["0", "1", "3000", "9007199254740993", "18446744073709551615", String(chance.below(10_000))])

export const bytes = (chance: Chance, most: number): Buffer =>
  Buffer.from(Array.from({ length: chance.below(most + 1) }, () => chance.below(256)))

/** A few bytes of it changed, cut off or doubled. */
export const spoilt = (chance: Chance, sound: Buffer): Buffer => {
  const spoilt = Buffer.from(sound)
  for (let count = chance.below(4); count > 0 && spoilt.length > 0; count--) {
    spoilt[chance.below(spoilt.length)] = chance.below(256)
  }
  if (chance.hits(0.2)) return spoilt.subarray(0, chance.below(spoilt.length + 1))
  return chance.hits(0.1) ? Buffer.concat([spoilt, spoilt]) : spoilt
}

const map = (chance: Chance): Record<string, string> =>
  Object.fromEntries(Array.from({ length: chance.below(4) }, () => [text(chance), text(chance)]))

const containerNames = ["databasedpu0", "gnmidpu0", "dash-hadpu0"]

const name = (chance: Chance): string => chance.hits(0.6) ? chance.pick(containerNames) : text(chance)

/** A message of each method's response, with hostile values in sound protobuf. */
const responses: Readonly<Record<string, (chance: Chance) => Buffer>> = {
  ListContainer: (chance) =>
    containerz.ListContainer.responseSerialize({
      id: text(chance),
      name: name(chance),
      imageName: text(chance),
      // An enum's number that the interface does not have goes as a number.
      status: chance.pick(["UNSPECIFIED", "STOPPED", "RUNNING", "PRESENT", "NOT_FOUND", 99 as never]),
      labels: chance.hits(0.3) ? { ...map(chance), Tag: text(chance) } : {}
    }),
  ListImage: (chance) =>
    containerz.ListImage.responseSerialize({ id: text(chance), imageName: text(chance), tag: text(chance) }),
  ListVolume: (chance) =>
    containerz.ListVolume.responseSerialize({
      name: text(chance),
      driver: "DS_LOCAL",
      options: {},
      labels: map(chance)
    }),
  Log: (chance) => containerz.Log.responseSerialize({ msg: text(chance) }),
  StartContainer: (chance) =>
    containerz.StartContainer.responseSerialize(
      chance.pick([
        { startOk: { instanceName: text(chance) } },
        { startError: { errorCode: chance.below(9), details: text(chance) } },
        {}
      ])
    ),
  StopContainer: () => containerz.StopContainer.responseSerialize({}),
  RemoveContainer: () => containerz.RemoveContainer.responseSerialize({}),
  RemoveImage: () => containerz.RemoveImage.responseSerialize({}),
  UpdateContainer: (chance) =>
    containerz.UpdateContainer.responseSerialize({ updateOk: { instanceName: text(chance), isAsync: true } }),
  Deploy: (chance) =>
    containerz.Deploy.responseSerialize(
      chance.pick([
        { imageTransferReady: { chunkSize: int32(chance) } },
        { imageTransferReady: { chunkSize: 1000 } },
        { imageTransferProgress: { bytesReceived: uint64(chance) } },
        { imageTransferSuccess: { name: text(chance), tag: text(chance), imageSize: uint64(chance) } },
        { imageTransferError: { code: int32(chance), message: text(chance) } },
        {}
      ])
    ),
  Time: (chance) => system.Time.responseSerialize({ time: uint64(chance) }),
  Verify: (chance) => os.Verify.responseSerialize({ version: text(chance), activationFailMessage: text(chance) })
}

const responseNames = Object.keys(responses)

/** What a peer may answer to a method: its own message, another's, a spoilt one, noise. */
export const answer = (chance: Chance, method: string): Buffer => {
  const own = responses[method] ?? responses["Log"]!
  const kind = chance.below(20)
  if (kind < 13) return own(chance)
  if (kind < 15) return responses[chance.pick(responseNames)]!(chance)
  if (kind < 18) return spoilt(chance, own(chance))
  return bytes(chance, 200)
}

/** A gRPC message with its five bytes of framing, which may lie. */
export const framed = (chance: Chance, message: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  if (chance.hits(0.05)) head[0] = chance.below(256)
  if (chance.hits(0.05)) head.writeUInt32BE(chance.pick([0, 1, 0x7fffffff, 0xffffffff, 5_000_000]), 1)
  return Buffer.concat([head, message])
}

/** What an HTTP/2 header can carry of a text: visible ASCII; the rest percent-encoded, as gRPC has it. */
export const headerText = (text: string): string =>
  text.toWellFormed().replace(/[^\x20-\x7e]|%/gu, (character) => encodeURIComponent(character)).slice(0, 12_000)
