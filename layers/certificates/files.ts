/**
 * Certificates from files, followed: what is in force now, and each renewal.
 *
 * The files are polled, not watched: a watch on a file is lost when that is
 * renamed over, one on a folder sees neither the target of a link nor a folder
 * that is swapped. Certificate and key are two files and are replaced one after
 * the other, so a pair that does not fit counts as bad only after a while.
 */
import { readFileSync, statSync } from "node:fs"

import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import type { EventBody } from "../../src/model/event.ts"
import { monotonic } from "../../src/model/monotonic.ts"
import { CertificateError, type CertificateFiles, faultOf, type Material, serialOf } from "./material.ts"

export interface Certificates {
  /** What is in force; empty while there never was any that could be used. */
  readonly current: () => Material
  /** Why there is nothing in force, or why what is in force may not be accepted. */
  readonly trouble: () => CertificateError | undefined
  /** A sentence each time that something else came into force; hot, never ends. */
  readonly renewals: Stream.Stream<string>
  /** Renewals, and what was kept out and why; hot, never ends. */
  readonly notices: Stream.Stream<EventBody>
}

export interface FollowOptions {
  /** How often the files are looked at; 1 s. */
  readonly period?: Duration.Duration
  /** How long a bad pair may stand before it is told; 3 s. */
  readonly patience?: Duration.Duration
}

/**
 * Fails where the files cannot be used at the start. Certificates that are only
 * out of date are taken, with a notice: it may be this machine's clock, and the
 * peer shall judge.
 */
export const follow = (
  files: CertificateFiles,
  options: FollowOptions = {}
): Effect.Effect<Certificates, CertificateError, Scope.Scope> =>
  Effect.gen(function*() {
    const followed = yield* followEventually(files, options)
    const trouble = followed.trouble()
    return trouble === undefined || isOfTime(trouble) ? followed : yield* trouble
  })

/** The same, for files that may come later: nothing is in force until they do. */
export const followEventually = (
  files: CertificateFiles,
  options: FollowOptions = {}
): Effect.Effect<Certificates, never, Scope.Scope> =>
  Effect.gen(function*() {
    const patience = Duration.toMillis(options.patience ?? Duration.seconds(3))
    const renewals = yield* PubSub.sliding<string>(1)
    const notices = yield* PubSub.sliding<EventBody>({ capacity: 16, replay: 1 })
    const keeper = new Keeper(files, patience)
    const once = Effect.gen(function*() {
      const news = keeper.look(yield* Clock.currentTimeMillis, yield* monotonic)
      if (news.event !== undefined) yield* PubSub.publish(notices, news.event)
      if (news.renewal !== undefined) yield* PubSub.publish(renewals, news.renewal)
    })
    yield* once
    yield* Effect.forkScoped(Effect.repeat(once, Schedule.spaced(options.period ?? Duration.seconds(1))))
    return {
      current: () => keeper.current ?? {},
      trouble: () => keeper.trouble,
      renewals: Stream.fromPubSub(renewals),
      notices: Stream.fromPubSub(notices)
    }
  })

const isOfTime = ({ fault }: CertificateError): boolean =>
  fault === "CertificateExpired" || fault === "CertificateNotYetValid"

interface News {
  readonly event?: EventBody
  readonly renewal?: string
}

/** What is in force, what was seen last, and what of it was told. */
class Keeper {
  readonly #files: CertificateFiles
  readonly #patience: number
  current: Material | undefined
  trouble: CertificateError | undefined
  #looks = 0
  #signature: string | undefined
  /** A candidate that is not in force, and since when it is as it is. */
  #pending: { readonly since: number; told: boolean } | undefined

  constructor(files: CertificateFiles, patience: number) {
    this.#files = files
    this.#patience = patience
  }

  /** `now` is what the clock on the wall says, which certificates go by; `mono` measures patience. Milliseconds. */
  look(now: number, mono: number): News {
    this.#looks += 1
    const signature = signatureOf(this.#files)
    if (signature !== this.#signature) {
      this.#signature = signature
      this.#pending = { since: mono, told: false }
    }
    // What is bad is judged again: it may only be too early.
    return this.#pending === undefined ? {} : this.#consider(this.#pending, now, mono)
  }

  #consider(pending: { readonly since: number; told: boolean }, now: number, mono: number): News {
    const material = read(this.#files)
    const fault = material instanceof CertificateError ? material : faultOf(this.#files, material, now)
    if (material instanceof CertificateError || (fault !== undefined && !this.#mustDo(fault, now))) {
      if (this.current === undefined) this.trouble = fault
      if (pending.told || (this.current !== undefined && mono - pending.since < this.#patience)) return {}
      pending.told = true
      return { event: rejected(fault!, this.current !== undefined) }
    }
    // Replaced between the reading of one file and the next: the next look will tell.
    if (signatureOf(this.#files) !== this.#signature) return {}
    this.#pending = undefined
    this.trouble = fault
    const before = this.current
    this.current = material
    if (before !== undefined && sameMaterial(before, material)) return {}
    if (fault !== undefined) return { event: outOfDate(fault), renewal: fault.message }
    return this.#looks === 1 ? {} : renewed(material)
  }

  /** Out of date is better than nothing, and no worse than what is out of date as well. */
  #mustDo(fault: CertificateError, now: number): boolean {
    return isOfTime(fault)
      && (this.current === undefined || faultOf(this.#files, this.current, now) !== undefined)
  }
}

const rejected = (fault: CertificateError, hasOld: boolean): EventBody => ({
  severity: hasOld ? "warning" : "error",
  reason: reasons[fault.fault],
  message: `${capital(fault.message)}; ${
    hasOld ? "the ones in use stay in use" : "without it no connection can be made"
  } until that is mended.`
})

const outOfDate = (fault: CertificateError): EventBody => ({
  severity: "warning",
  reason: reasons[fault.fault],
  message: `${capital(fault.message)}; it is used all the same, since there is no better one.`
})

const reasons: Readonly<Record<CertificateError["fault"], string>> = {
  Unreadable: "CertificateUnreadable",
  Malformed: "CertificateMalformed",
  KeyMismatch: "CertificateKeyMismatch",
  CertificateExpired: "CertificateExpired",
  CertificateNotYetValid: "CertificateNotYetValid"
}

const renewed = (material: Material): News => {
  const serial = serialOf(material)
  return {
    event: {
      severity: "notice",
      reason: "CertificateRenewed",
      message: serial === undefined
        ? "The certificate authorities were renewed."
        : `Our certificate was renewed; its serial is ${serial}.`
    },
    renewal: "the certificates were renewed"
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const paths = (files: CertificateFiles): ReadonlyArray<readonly [keyof Material, string]> =>
  Object.entries(files) as ReadonlyArray<readonly [keyof Material, string]>

/** Changes whenever a file is written, renamed over, or reached through another link. */
const signatureOf = (files: CertificateFiles): string =>
  paths(files).map(([, path]) => {
    try {
      const stat = statSync(path, { bigint: true })
      return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
    } catch {
      return "unreadable"
    }
  }).join(" ")

/** Bytes; larger than any bundle of authorities. */
const largest = 1024 * 1024

const read = (files: CertificateFiles): Material | CertificateError => {
  const material: { -readonly [K in keyof Material]: Material[K] } = {}
  for (const [name, path] of paths(files)) {
    try {
      const stat = statSync(path)
      // A FIFO would be waited for.
      if (!stat.isFile() || stat.size > largest) return unreadable(path, "it is no file of a sensible size")
      material[name] = readFileSync(path, "utf8")
    } catch (error) {
      return unreadable(path, error instanceof Error ? error.message.replace(/, \w+ '.*/, "") : String(error))
    }
  }
  return material
}

const unreadable = (path: string, why: string): CertificateError =>
  new CertificateError({ fault: "Unreadable", message: `${path} cannot be read: ${why}` })

const sameMaterial = (left: Material, right: Material): boolean =>
  left.ca === right.ca && left.certificate === right.certificate && left.key === right.key
