/** Splits a command line as a shell does, without expanding anything; `undefined` where a quote is left open. */
export const splitWords = (text: string): ReadonlyArray<string> | undefined => {
  const words: Array<string> = []
  let word: string | undefined
  let quote: string | undefined
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!
    if (character === "\\" && quote !== "'") {
      const next = text[++index]
      if (next === undefined) return undefined
      word = (word ?? "") + next
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined
      else word = (word ?? "") + character
    } else if (character === "'" || character === "\"") {
      quote = character
      word ??= ""
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? "") + character
  }
  if (quote !== undefined) return undefined
  return word === undefined ? words : [...words, word]
}
