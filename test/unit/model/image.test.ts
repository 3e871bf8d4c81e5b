import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"

import {
  familiar,
  format,
  ImageRefSchema,
  isShownAs,
  parse,
  Repository,
  same,
  sameRepository,
  split
} from "../../../src/model/image.ts"

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/)
const host = fc.constantFrom(
  "localhost/",
  "docker.io/library/",
  "docker.io/",
  "host:5000/",
  "10.0.0.1:80/",
  "[fe80::1]:5000/",
  "Registry.example/",
  ""
)
const repository = fc.tuple(host, fc.array(component, { minLength: 1, maxLength: 3 })).map(([at, path]) =>
  at + path.join("/")
)
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/)
const image = fc.record({ repository, tag })

describe("an image reference", () => {
  it("is read as it is written", () => {
    fc.assert(fc.property(image, (each) => {
      assert.deepStrictEqual(split(format(each)), each)
      assert.deepStrictEqual(Either.getOrThrow(parse(format(each))), each)
      assert.isTrue(Schema.is(ImageRefSchema)(each))
    }))
  })

  it("is split without loss, however odd", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("a", ":", "/") })), (text) => {
      const { repository, tag } = split(text)
      assert.isTrue(text === `${repository}:${tag}` || (text === repository && tag === "latest"))
    }))
  })

  it("that a person wrote is read or refused with the reason, and what is read is sound", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("a", "A", ":", "/", ".", "-", "_", "1") })),
        (text) => {
          const parsed = parse(text)
          if (Either.isRight(parsed)) assert.strictEqual(format(parsed.right), text)
          else assert.isAbove(parsed.left.length, 0)
        }
      )
    )
    const reason = (text: string) => Either.match(parse(text), { onLeft: (left) => left, onRight: format })
    assert.strictEqual(reason("name"), "\"name\" has no tag; write NAME:TAG")
    assert.strictEqual(reason("host:5000/name"), "\"host:5000/name\" has no tag; write NAME:TAG")
    assert.strictEqual(reason("Name:1"), "\"Name\" is not an image name")
    assert.strictEqual(reason("a//b:1"), "\"a//b\" is not an image name")
    assert.strictEqual(reason("name:-"), "\"-\" is not a tag")
    assert.strictEqual(reason("name:"), "\"\" is not a tag")
    assert.strictEqual(reason("name@sha256:0"), "\"name@sha256\" is not an image name")
  })

  it("a hostile name is judged at once", () => {
    const started = process.hrtime.bigint()
    parse(`${"a-".repeat(50_000)}!:1`)
    parse(`${"a/".repeat(50_000)}!:1`)
    assert.isBelow(Number(process.hrtime.bigint() - started), 2e9)
  })

  it("is the same with the host that an engine adds by itself, and with no other", () => {
    fc.assert(fc.property(component, tag, (name, version) => {
      for (const added of ["localhost/", "docker.io/library/", "docker.io/", ""]) {
        assert.strictEqual(familiar(`${added}${name}`), name)
        assert.isTrue(same({ repository: `${added}${name}`, tag: version }, { repository: name, tag: version }))
      }
      assert.isFalse(sameRepository(`host:5000/${name}`, name))
      assert.isFalse(same({ repository: name, tag: version }, { repository: name, tag: `${version}x` }))
      assert.isFalse(same({ repository: name, tag: version }, { repository: `${name}x`, tag: version }))
    }))
  })

  it("that lost its name is known by its id, shortened or not, and by nothing shorter than twelve digits", () => {
    const id = "0123456789ab".padEnd(64, "c")
    for (const shown of [`sha256:${id}`, `docker-database@sha256:${id}`, `${id.slice(0, 12)}:latest`]) {
      assert.isTrue(isShownAs(split(shown), id), shown)
      assert.isTrue(isShownAs(split(shown), `sha256:${id.slice(0, 12)}`), shown)
      assert.isFalse(isShownAs(split(shown), id.replace("0", "1")), shown)
      assert.isFalse(isShownAs(split(shown), id.slice(0, 11)), shown)
    }
    assert.isFalse(isShownAs(split("docker-database:1.0"), id))
  })

  it("a repository has no tag, and at most 255 characters", () => {
    const sound = Schema.is(Repository)
    assert.isTrue(sound("docker-database"))
    assert.isTrue(sound("host:5000/a/b__c"))
    for (const text of ["", "a:1", "host:5000", "A", "a/", "/a", "a___b", "a..b", "x".repeat(256)]) {
      assert.isFalse(sound(text), text)
    }
  })
})
