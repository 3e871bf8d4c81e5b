/** Judging an OCI layout: which of the many things that an index may list is the one image. */
import { createHash } from "node:crypto"

import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { verify } from "../../../layers/images/contents.ts"
import { readOciIndex } from "../../../layers/images/oci-layout.ts"
import type { Member, Scan } from "../../../layers/images/scan.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

const memberOf = (text: string): Member => ({ size: text.length, sha256: sha256(text), compressed: false, text })

/** A layout under construction: each blob under its own digest. */
const layout = () => {
  const members = new Map<string, Member>()
  const blob = (value: unknown): string => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    members.set(`blobs/sha256/${sha256(text)}`, memberOf(text))
    return `sha256:${sha256(text)}`
  }
  const image = (architecture: string): string => {
    const layer = `layer for ${architecture}`
    return blob({
      config: { digest: blob({ architecture, rootfs: { diff_ids: [`sha256:${sha256(layer)}`] } }) },
      layers: [{ digest: blob(layer) }]
    })
  }
  const judge = (index: unknown) => {
    const scan: Scan = { members, links: new Map(), closed: true }
    return Either.flatMap(readOciIndex(scan, memberOf(JSON.stringify(index))), (claim) => verify(scan, claim))
  }
  return { members, blob, image, judge }
}

const named = (digest: string, name: string, more: object = {}) => ({
  digest,
  annotations: { "org.opencontainers.image.ref.name": name },
  ...more
})

const reason = (judged: Either.Either<unknown, string>): string => Either.isLeft(judged) ? judged.left : "accepted"

describe("an OCI layout", () => {
  it("holds one image under several names", () => {
    const { image, judge } = layout()
    const digest = image("arm64")
    const judged = Either.getOrThrow(
      judge({ manifests: [named(digest, "a:1"), named(digest, "b:2"), named(digest, "a:1")] })
    )
    assert.deepStrictEqual(judged.names, [{ repository: "a", tag: "1" }, { repository: "b", tag: "2" }])
    assert.strictEqual(judged.architecture, "arm64")
  })

  it("prefers containerd's whole name to OCI's, which may be the tag alone", () => {
    const { image, judge } = layout()
    const annotations = {
      "org.opencontainers.image.ref.name": "1",
      "io.containerd.image.name": "docker.io/library/a:1"
    }
    const judged = Either.getOrThrow(judge({ manifests: [{ digest: image("arm64"), annotations }] }))
    assert.deepStrictEqual(judged.names, [{ repository: "docker.io/library/a", tag: "1" }])
    assert.match(reason(judge({ manifests: [named(image("arm64"), "1")] })), /"1" has no tag; write NAME:TAG/)
    assert.match(reason(judge({ manifests: [{ digest: image("arm64"), annotations: null }] })), /has no name/)
  })

  it("passes over attestations", () => {
    const { blob, image, judge } = layout()
    const attestation = { digest: blob({}), platform: { architecture: "unknown", os: "unknown" } }
    const other = { digest: blob({}), annotations: { "vnd.docker.reference.type": "attestation-manifest" } }
    assert.isTrue(Either.isRight(judge({ manifests: [attestation, named(image("amd64"), "a:1"), other] })))
    assert.match(reason(judge({ manifests: [attestation] })), /names no image/)
  })

  it("follows an index within the index to the one platform that is there", () => {
    const { blob, image, judge } = layout()
    const inner = blob({
      manifests: [
        { digest: `sha256:${"0".repeat(64)}`, platform: { architecture: "amd64", os: "linux" } },
        { digest: image("arm64"), platform: { architecture: "arm64", os: "linux" } }
      ]
    })
    assert.strictEqual(Either.getOrThrow(judge({ manifests: [named(inner, "a:1")] })).architecture, "arm64")
  })

  it("is refused with two images, by name or by platform", () => {
    const { blob, image, judge } = layout()
    assert.match(
      reason(judge({ manifests: [named(image("arm64"), "a:1"), named(image("amd64"), "b:1")] })),
      /holds 2 images \(a:1, b:1\)/
    )
    const inner = blob({
      manifests: ["arm64", "amd64"].map((architecture) => ({ digest: image(architecture), platform: { architecture } }))
    })
    assert.match(reason(judge({ manifests: [named(inner, "a:1")] })), /holds 2 images \(arm64, amd64\)/)
  })

  it("is refused when a blob is absent, damaged or named by another digest", () => {
    const { blob, image, judge, members } = layout()
    assert.match(reason(judge({ manifests: [named("md5:0", "a:1")] })), /"md5:0", which is not a SHA-256 digest/)
    assert.match(
      reason(judge({ manifests: [named(`sha256:${"0".repeat(64)}`, "a:1")] })),
      /incomplete: its index\.json names blobs\/sha256\/0+, which is not in the archive/
    )
    assert.match(
      reason(judge({ manifests: [named(blob({ manifests: [] }), "a:1")] })),
      /its image index names no image that is in the archive/
    )
    const digest = image("arm64")
    const layer = `blobs/sha256/${sha256("layer for arm64")}`
    members.set(layer, memberOf("another layer"))
    assert.match(
      reason(judge({ manifests: [named(digest, "a:1")] })),
      /damaged: blobs\/sha256\/[0-9a-f]+ has the digest/
    )
    members.delete(layer)
    assert.match(reason(judge({ manifests: [named(digest, "a:1")] })), /incomplete: its manifest names the layer/)
  })

  it("is refused when its index or manifest is not one", () => {
    const { blob, judge } = layout()
    assert.match(reason(judge({})), /its index\.json is not as it should be at manifests: is missing/)
    assert.match(
      reason(judge({ manifests: [named(blob({ schemaVersion: 2 }), "a:1")] })),
      /its manifest is not as it should be/
    )
  })
})
