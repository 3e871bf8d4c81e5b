/** What `offloadctl doctor` alone needs: its checks in their order, and what each of them depends on. */
import { readFileSync } from "node:fs"
import { networkInterfaces } from "node:os"

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { askWho } from "../layers/control/client.ts"
import { failure, notChecked, ok, row, stands, type Tell } from "../layers/doctor/finding.ts"
import { settings } from "../layers/doctor/http2.ts"
import { images } from "../layers/doctor/images.ts"
import * as NpuChecks from "../layers/doctor/npu.ts"
import * as Road from "../layers/doctor/road.ts"
import { socket } from "../layers/doctor/socket.ts"
import { stateFolder } from "../layers/doctor/state-folder.ts"
import { security, type TlsOptions } from "../layers/doctor/tls.ts"
import * as Gnoi from "../layers/gnoi/wire.ts"
import { layerFolder } from "../layers/images/folder.ts"
import { type DaemonOptions, parse, parseArchitecture, parseDpu } from "../layers/options/daemon-options.ts"
import { dpuNumber } from "../layers/sonic/identity.ts"
import { readVersion } from "../layers/sonic/version-file.ts"
import { holderOf } from "../layers/state/folder-lock.ts"
import { DoctorError, type Finding } from "../src/cli/doctor.ts"
import * as Catalogue from "../src/model/catalogue.ts"
import type { ImageRef } from "../src/model/image.ts"
import { ImageSource } from "../src/npu/image-source.ts"
import * as Npu from "../src/npu/npu.ts"
import { parseRemoteSource, RemoteSource } from "../src/npu/remote-source.ts"
import { Wire, type WireService } from "../src/npu/wire.ts"
import * as Policy from "../src/policy/policy.ts"
import { defaults } from "./offloadd-defaults.ts"
import { transportOf } from "./offloadd-transport.ts"

export const examine = (words: ReadonlyArray<string>): Stream.Stream<Finding, DoctorError> =>
  Stream.unwrap(Effect.gen(function*() {
    const invocation = yield* Either.mapLeft(
      parse(words, process.env),
      ({ message }) => new DoctorError({ message: message.replace("offloadd --help", "offloadctl doctor --help") })
    )
    if (invocation._tag !== "Run") {
      return yield* new DoctorError({ message: "doctor: --version is not one of its options" })
    }
    const { options } = invocation
    const architecture = options["npu-architecture"]
    if (architecture !== undefined) {
      yield* Either.mapLeft(parseArchitecture(architecture), usage("npu-architecture"))
    }
    return Stream.asyncPush<Finding, DoctorError>((emit) =>
      Effect.forkScoped(
        checkAll(options, (finding) => Effect.as(Effect.sync(() => emit.single(finding)), finding)).pipe(
          Effect.matchCause({ onFailure: (cause) => emit.halt(cause), onSuccess: () => emit.end() })
        )
      )
    )
  }))

const checkAll = (options: DaemonOptions, tell: Tell): Effect.Effect<void, DoctorError> =>
  Effect.scoped(Effect.gen(function*() {
    const version = yield* row(["version file"], tell, (tell) => checkVersion(options, tell))
    const dpu = yield* row(["DPU id"], tell, (tell) => checkDpu(options, tell))
    const npu = yield* row(["NPU settings", ...order], tell, (tell) => checkNpu(options, tell))
    yield* tell(NpuChecks.room)
    yield* row(["images"], tell, (tell) => checkImages(options, tell, version, dpu, npu))
    yield* row(
      ["state folder"],
      tell,
      (tell) => Effect.flatMap(stateFolder(options["state-dir"] ?? defaults.stateDir, holderOf), tell)
    )
    yield* row(
      ["control socket"],
      tell,
      (tell) => Effect.flatMap(socket(options.socket ?? defaults.socket, askWho), tell)
    )
  }))

const checkVersion = Effect.fnUntraced(function*(options: DaemonOptions, tell: Tell) {
  const check = "version file"
  const path = options["version-file"] ?? defaults.versionFile
  const reading = yield* readVersion(path)
  if (reading._tag === "Version") {
    yield* tell(ok(check, `${path}: SONiC ${reading.version}`))
    return reading.version
  }
  yield* tell(failure(check, reading.reason, "name the DPU's sonic_version.yml in --version-file, or mend it"))
  return undefined
})

const checkDpu = Effect.fnUntraced(function*(options: DaemonOptions, tell: Tell) {
  const check = "DPU id"
  const given = options.dpu
  const found = yield* given === undefined
    ? Effect.either(Effect.mapError(dpuNumber(networkInterfaces()), ({ reason }) => reason))
    : Effect.succeed(parseDpu(given))
  if (Either.isRight(found)) {
    yield* tell(ok(check, `this is dpu${found.right}, ${given === undefined ? "by its midplane address" : "as told"}`))
    return found.right
  }
  yield* tell(failure(
    check,
    found.left,
    "on a DPU wait for DHCP on eth0-midplane (ip addr show eth0-midplane); elsewhere give --dpu"
  ))
  return undefined
})

interface Reached {
  readonly npu: Npu.NpuService
  readonly lists: boolean
}

/** From the road to what the server speaks; what cannot be asked any more is said to be so, with the reason. */
const checkNpu = Effect.fnUntraced(
  function*(options: DaemonOptions, tell: Tell): Effect.fn.Return<Reached | undefined, DoctorError, Scope.Scope> {
    const skip = (why: string, ...rest: ReadonlyArray<string>) =>
      Effect.as(Effect.forEach(rest, (check) => tell(notChecked(check, why))), undefined)
    const policy = yield* read(options.policy, Policy.fromJson, Policy.defaults)
    const transport = yield* Effect.either(transportOf(options, policy.connection))
    if (Either.isLeft(transport)) {
      yield* tell(failure("NPU settings", transport.left.message, "mend the options, or the files that they name"))
      return yield* skip("how the NPU is to be talked to is not known", ...order)
    }
    const target = yield* targetOf(transport.right.options)
    if (typeof target === "string") {
      yield* tell(failure(
        "NPU settings",
        target,
        "see GNMI|gnmi and GNMI|certs in CONFIG_DB (sonic-db-cli CONFIG_DB HGETALL 'GNMI|gnmi'), or give --npu and --tls-ca"
      ))
      return yield* skip("how the NPU is to be talked to is not known", ...order)
    }
    const place: Road.Place = target
    const tls = tlsOf(target)
    yield* tell(ok(
      "NPU settings",
      `${place.host}, port ${place.port}, in ${tls === undefined ? "plaintext" : "TLS"}, as ${
        options.npu === undefined ? "the switch says" : "told"
      }`
    ))

    const name = yield* Road.resolve(place.host)
    const address = name.address
    yield* address === undefined
      ? tell(notChecked("midplane", "the NPU's name could not be resolved"))
      : Effect.flatMap(Road.route({ ...place, host: address }), tell)
    yield* tell(name.finding)
    if (address === undefined) return yield* skip("the NPU's name could not be resolved", ...beyond("name"))
    const resolved = { ...place, host: address }
    if (!stands(yield* Effect.flatMap(Road.tcp(resolved), tell))) {
      return yield* skip("no connection to the NPU", ...beyond("TCP"))
    }

    const now = yield* Clock.currentTimeMillis
    const secured = tls === undefined
      ? ok("TLS", "none: the NPU is talked to in plaintext")
      : typeof tls === "string"
      ? failure("TLS", tls, "mend our certificate files")
      : yield* security(resolved, tls, now)
    if (!stands(yield* tell(secured)) || typeof tls === "string") {
      return yield* skip("TLS failed", ...beyond("TLS"))
    }
    if (!stands(yield* Effect.flatMap(settings(resolved, tls), tell))) {
      return yield* skip("what answers is no gRPC server", ...beyond("HTTP/2"))
    }

    const wire = yield* Gnoi.make({ ...transport.right.options, ...target })
    if (!stands(yield* Effect.flatMap(NpuChecks.authentication(wire), tell))) {
      return yield* skip("the NPU does not let this DPU in", ...beyond("authentication"))
    }
    const npu = yield* clientOf(wire, options, policy)
    const { finding, speech } = yield* NpuChecks.dialect(npu)
    yield* tell(finding)
    yield* Effect.flatMap(NpuChecks.clock(wire), tell)
    return { npu, lists: speech !== undefined && !speech.missing.includes("images") }
  }
)

const order = ["midplane", "name", "TCP", "TLS", "HTTP/2", "authentication", "dialect", "clock"]

/** What comes after a check and cannot be asked without it. */
const beyond = (check: string): ReadonlyArray<string> => order.slice(order.indexOf(check) + 1)

/** Where the NPU is and how it is talked to; a sentence where the switch does not say in time. */
const targetOf = (given: Gnoi.Options): Effect.Effect<Gnoi.Target | string> => {
  const { host, port, security: how } = given
  if (how?._tag !== "NotKnown") return Effect.succeed({ host, port, ...(how === undefined ? {} : { security: how }) })
  return Stream.runHead(given.moves ?? Stream.empty).pipe(
    Effect.timeoutOption("5 seconds"),
    Effect.map((moved) => {
      const target = Option.getOrUndefined(Option.flatten(moved))
      if (target === undefined) return how.reason()
      return target.security?._tag === "NotKnown" ? target.security.reason() : target
    })
  )
}

const usage = (option: string) => (reason: string) => new DoctorError({ message: `--${option}: ${reason}` })

/** A sentence where our own certificates cannot be used. */
const tlsOf = ({ host, security: how }: Gnoi.Target): TlsOptions | string | undefined => {
  if (how?._tag !== "Tls") return undefined
  const material = how.material()
  return "unusable" in material
    ? material.unusable
    : { material, name: how.serverName ?? host, verify: how.verify }
}

const clientOf = Effect.fnUntraced(function*(wire: WireService, options: DaemonOptions, policy: Policy.Policy) {
  const given = options["remote-source"]
  const remote = given === undefined
    ? undefined
    : yield* Either.mapLeft(parseRemoteSource(given), usage("remote-source"))
  const context = yield* Layer.build(Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire)))).pipe(
    Effect.provideService(Policy.ActivePolicy, policy),
    Effect.provideService(RemoteSource, remote)
  )
  return Context.get(context, Npu.Npu)
})

const checkImages = Effect.fnUntraced(function*(
  options: DaemonOptions,
  tell: Tell,
  version: string | undefined,
  dpu: number | undefined,
  reached: Reached | undefined
) {
  if (version === undefined || dpu === undefined) {
    return yield* Effect.asVoid(tell(notChecked("images", "which are wanted needs the version file and the DPU id")))
  }
  const catalogue = yield* read(options.catalogue, Catalogue.fromJson, Catalogue.builtIn)
  const specs = yield* Either.mapLeft(Catalogue.resolve(catalogue, dpu), ({ message }) => usage("catalogue")(message))
  const directory = options["images-dir"] ?? defaults.imagesDir
  const source = Context.get(yield* Layer.build(layerFolder({ directory })), ImageSource)
  const listed = reached?.lists === true ? yield* Effect.either(reached.npu.images) : undefined
  const findings = yield* images({
    images: specs.map((spec): ImageRef => ({ repository: spec.repository, tag: version })),
    source,
    directory,
    engineSocket: options["docker-socket"] ?? (options.dpu === undefined ? defaults.dockerSocket : undefined),
    onNpu: reached === undefined
      ? "the NPU could not be asked"
      : listed === undefined
      ? "the NPU does not list its images"
      : Either.getOrElse(listed, ({ reason }) => reason)
  })
  yield* Effect.forEach(findings, tell)
})

const read = <A>(
  path: string | undefined,
  decode: (json: unknown) => Either.Either<A, Error>,
  absent: A
): Effect.Effect<A, DoctorError> =>
  path === undefined ? Effect.succeed(absent) : Effect.flatMap(
    Effect.try({
      try: () => JSON.parse(readFileSync(path, "utf8")) as unknown,
      catch: (error) => new DoctorError({ message: `${path}: ${(error as Error).message}` })
    }),
    (json) => Either.mapLeft(decode(json), (error) => new DoctorError({ message: `${path}: ${error.message}` }))
  )
