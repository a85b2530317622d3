/** Characters of the two scripts in the national character sets of their places, as far as only one of them has them. */
interface Scripts {
  simplified: ReadonlySet<string>;
  traditional: ReadonlySet<string>;
}

let scripts: Scripts | undefined;

/** Undefined where nothing in the text is of one of the scripts alone. */
export function chineseScript(text: string): 'zh-CN' | 'zh-TW' | undefined {
  scripts ??= readScripts();
  let balance = 0;
  for (const character of text) {
    if (scripts.simplified.has(character)) balance += 1;
    if (scripts.traditional.has(character)) balance -= 1;
  }
  if (balance === 0) return undefined;
  return balance > 0 ? 'zh-CN' : 'zh-TW';
}

/** GB 2312 holds the simplified characters, Big5 the traditional ones. */
function readScripts(): Scripts {
  const gb2312 = new Set(characters('gbk', [0xb0, 0xf7], [[0xa1, 0xfe]]));
  const big5 = new Set(
    characters(
      'big5',
      [0xa4, 0xf9],
      [
        [0x40, 0x7e],
        [0xa1, 0xfe],
      ],
    ),
  );
  return {
    simplified: new Set([...gb2312].filter((one) => !big5.has(one))),
    traditional: new Set([...big5].filter((one) => !gb2312.has(one))),
  };
}

/** Two bytes each: a first one between the bounds, and a second one between one of the pairs. */
function characters(
  encoding: string,
  [first, last]: [number, number],
  seconds: [number, number][],
): string[] {
  const decoder = new TextDecoder(encoding);
  const found: string[] = [];
  for (let lead = first; lead <= last; lead += 1) {
    for (const [from, to] of seconds) {
      for (let trail = from; trail <= to; trail += 1) {
        const text = decoder.decode(Uint8Array.of(lead, trail));
        if (/^\p{Script=Han}$/u.test(text)) found.push(text);
      }
    }
  }
  return found;
}
