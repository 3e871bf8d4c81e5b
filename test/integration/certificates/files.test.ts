import { writeFileSync } from "node:fs"

import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import { type Certificates, follow, followEventually } from "../../../layers/certificates/files.ts"
import type { EventBody } from "../../../src/model/event.ts"
import { authority, expired, made, notYetValid, place, temporaryFolder } from "./support.ts"

const quick = { period: Duration.millis(5), patience: Duration.millis(20) }
const ca = authority()
const first = made({ name: "first", issuer: ca })
const second = made({ name: "second", issuer: ca })

/** Follows the files, and tells the next notice of a reason that comes after `act`. */
const listening = (certificates: Certificates) =>
  Effect.gen(function*() {
    const heard = yield* Queue.unbounded<EventBody>()
    yield* Effect.forkScoped(Stream.runForEach(certificates.notices, (notice) => Queue.offer(heard, notice)))
    yield* Effect.yieldNow()
    return (reason: string, act: () => void): Effect.Effect<EventBody> =>
      Effect.zipRight(
        Effect.sync(act),
        Effect.repeat(Queue.take(heard), { until: (notice) => notice.reason === reason })
      )
  })

const inPlace = Effect.map(temporaryFolder, (folder) => {
  const where = place(folder)
  where.rename(ca.certificate, first)
  return where
})

describe("certificates from files", () => {
  it.scopedLive("are taken up when they are renamed over, written in place, or reached through another link", () =>
    Effect.gen(function*() {
      const where = yield* inPlace
      const certificates = yield* follow(where.files, quick)
      const noticeAfter = yield* listening(certificates)
      assert.strictEqual(certificates.current().certificate, first.certificate)
      yield* noticeAfter("CertificateRenewed", () => where.rename(ca.certificate, second))
      assert.strictEqual(certificates.current().key, second.key)
      yield* noticeAfter("CertificateRenewed", () => where.overwrite(ca.certificate, first))
      assert.strictEqual(certificates.current().key, first.key)

      const linked = yield* follow(where.swap("1", ca.certificate, first), quick)
      const afterLink = yield* listening(linked)
      yield* afterLink("CertificateRenewed", () => void where.swap("2", ca.certificate, second))
      assert.strictEqual(linked.current().certificate, second.certificate)
    }))

  it.scopedLive("are told by serial when they are renewed", () =>
    Effect.gen(function*() {
      const where = yield* inPlace
      const certificates = yield* follow(where.files, quick)
      const noticeAfter = yield* listening(certificates)
      const notice = yield* noticeAfter(
        "CertificateRenewed",
        () => where.rename(ca.certificate, second)
      )
      assert.match(notice.message, /serial is [0-9A-F]{32}\.$/)
    }))

  it.scopedLive("that are bad are kept out, each for its reason, while the old ones go on", () =>
    Effect.gen(function*() {
      const where = yield* inPlace
      const certificates = yield* follow(where.files, quick)
      const noticeAfter = yield* listening(certificates)
      const cases = [
        ["CertificateKeyMismatch", { ...second, key: first.key }, /does not belong to/],
        ["CertificateExpired", made({ name: "old", issuer: ca, ...expired }), /expired at .* this clock says/],
        [
          "CertificateNotYetValid",
          made({ name: "early", issuer: ca, ...notYetValid }),
          /is not valid before .*: is it right\?/
        ],
        ["CertificateMalformed", { ...second, certificate: second.certificate.slice(0, 200) }, /no certificate in PEM/],
        ["CertificateMalformed", { ...second, key: "no key" }, /no private key/]
      ] as const
      for (const [reason, bad, why] of cases) {
        const notice = yield* noticeAfter(reason, () => where.rename(ca.certificate, bad))
        assert.match(notice.message, why)
        assert.match(notice.message, /the ones in use stay in use/)
        assert.strictEqual(notice.severity, "warning")
        assert.notInclude(notice.message, "PRIVATE KEY")
        assert.strictEqual(certificates.current().certificate, first.certificate)
      }
      yield* noticeAfter("CertificateRenewed", () => where.rename(ca.certificate, second))
      assert.strictEqual(certificates.current().certificate, second.certificate)
    }))

  it.scopedLive("whose files are being replaced one after the other are not told as bad", () =>
    Effect.gen(function*() {
      const where = yield* inPlace
      const certificates = yield* follow(where.files, { ...quick, patience: Duration.minutes(1) })
      const noticeAfter = yield* listening(certificates)
      const told: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(certificates.notices, (notice) => Effect.sync(() => void told.push(notice.reason)))
      )
      yield* Effect.yieldNow()
      yield* noticeAfter("CertificateRenewed", () => {
        writeFileSync(where.files.certificate, second.certificate)
        setTimeout(() => writeFileSync(where.files.key, second.key), 50)
      })
      assert.deepStrictEqual(told, ["CertificateRenewed"])
    }))

  it.scopedLive("that are out of date from the start are used, since the peer shall judge; a mismatch is refused", () =>
    Effect.gen(function*() {
      const where = place(yield* temporaryFolder)
      const early = made({ name: "early", issuer: ca, ...notYetValid })
      where.rename(ca.certificate, early)
      const certificates = yield* follow(where.files, quick)
      const noticeAfter = yield* listening(certificates)
      assert.strictEqual(certificates.current().certificate, early.certificate)
      assert.strictEqual(certificates.trouble()?.fault, "CertificateNotYetValid")
      // Nothing to lose: what is valid replaces it, and so would what is expired.
      yield* noticeAfter("CertificateRenewed", () => where.rename(ca.certificate, first))
      assert.isUndefined(certificates.trouble())

      where.rename(ca.certificate, { ...second, key: first.key })
      const refused = yield* Effect.flip(follow(where.files, quick))
      assert.strictEqual(refused.fault, "KeyMismatch")
    }))

  it.scopedLive("that are not there yet are waited for where that is wanted", () =>
    Effect.gen(function*() {
      const where = place(yield* temporaryFolder)
      assert.strictEqual((yield* Effect.flip(follow(where.files, quick))).fault, "Unreadable")
      const certificates = yield* followEventually(where.files, quick)
      assert.match(certificates.trouble()?.message ?? "", /ca\.pem cannot be read: ENOENT/)
      const renewed = yield* Effect.fork(Stream.runHead(certificates.renewals))
      yield* Effect.yieldNow()
      where.rename(ca.certificate, first)
      yield* renewed.await
      assert.strictEqual(certificates.current().certificate, first.certificate)
      assert.isUndefined(certificates.trouble())
    }))
})
