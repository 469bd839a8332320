'use strict';

// Canonical JSON of pseudo-random values, as an oracle for the server's reader and writer. The generator is repeated in
// Rust beside the tests; the order of its draws is part of the vectors.

const { createHash } = require('node:crypto');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { canonical } = require('./jcs.js');

const MASK = (1n << 64n) - 1n;
const CHUNK = 1000;
const CHUNKS = { doubles: 200, values: 20 };
const DOCUMENTS = 200;

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
  constructor(seed) {
    this.state = BigInt(seed);
  }

  next() {
    this.state = (this.state + 0x9e3779b97f4a7c15n) & MASK;
    let z = this.state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  }

  below(count) {
    return Number(this.next() % BigInt(count));
  }
}

const view = new DataView(new ArrayBuffer(8));

function fromBits(bits) {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

// Any finite double; a decimal with few digits; an integer, halved now and then; one near the smallest.
function randomDouble(random) {
  const kind = random.below(4);
  for (;;) {
    const bits = random.next();
    let double;
    if (kind === 0) double = fromBits(bits);
    if (kind === 1) double = Number(bits % 1000000n) / Number(`1e${random.below(23)}`);
    if (kind === 2) double = Number(bits >> 11n) / 2 ** random.below(12);
    if (kind === 3) double = fromBits(bits >> 10n);
    if (Number.isFinite(double)) return double;
  }
}

const RANGES = [[0x20, 0x7e], [0x01, 0x1f], [0x7f, 0x7ff], [0x800, 0xd7ff], [0xe000, 0xffff], [0x10000, 0x10ffff]];

function randomString(random) {
  let text = '';
  for (let left = random.below(12); left > 0; left -= 1) {
    const [first, last] = RANGES[random.below(RANGES.length)];
    text += String.fromCodePoint(first + random.below(last - first + 1));
  }
  return text;
}

// Doubles up to 2^53-1 only, so that a strict reader takes them back.
function randomSafeDouble(random) {
  for (;;) {
    const double = randomDouble(random);
    if (Math.abs(double) <= Number.MAX_SAFE_INTEGER) return double;
  }
}

function randomValue(random, depth) {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0: return null;
    case 1: return random.below(2) === 1;
    case 2: return randomSafeDouble(random);
    case 3: case 4: return randomString(random);
    case 5: {
      const items = [];
      for (let left = random.below(6); left > 0; left -= 1) items.push(randomValue(random, depth - 1));
      return items;
    }
    default: {
      const members = Object.create(null);
      for (let left = random.below(8); left > 0; left -= 1) {
        const key = randomString(random);
        members[key] = randomValue(random, depth - 1);
      }
      return members;
    }
  }
}

const MAKERS = {
  doubles: (random) => randomDouble(random),
  values: (random) => randomValue(random, 5),
};
const SEEDS = { doubles: 8785, values: 8259 };

function* chunks(kind) {
  const random = new Random(SEEDS[kind]);
  for (let chunk = 0; chunk < CHUNKS[kind]; chunk += 1) {
    yield Array.from({ length: CHUNK }, () => canonical(MAKERS[kind](random)));
  }
}

// The same value in a spelling that is not canonical: keys in any order, whitespace, escapes.
function oddly(value, random) {
  const space = () => [' ', '\n', '\t', '\r\n', '', '', '', ''][random.below(8)];
  const string = (text) => {
    let out = '';
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      const pair = unit >= 0xd800 && unit < 0xdc00;
      const hex = (code) => `\\u${code.toString(16).padStart(4, '0').replace(/[a-f]/g, (digit) => (random.below(2) ? digit : digit.toUpperCase()))}`;
      if (random.below(4) === 0) {
        out += hex(unit);
        if (pair) out += hex(text.charCodeAt(at += 1));
      } else if (pair) {
        out += text.slice(at, at += 2);
        at -= 1;
      } else {
        out += unit === 0x2f ? '\\/' : JSON.stringify(text[at]).slice(1, -1);
      }
    }
    return `"${out}"`;
  };
  const number = (double) => [String(double), double.toExponential(), double.toExponential().toUpperCase().replace('+', '')][random.below(3)];
  const write = (inner) => {
    if (typeof inner === 'string') return string(inner);
    if (typeof inner === 'number') return number(inner);
    if (Array.isArray(inner)) return `[${inner.map((item) => space() + write(item) + space()).join(',')}]`;
    if (inner === null || typeof inner !== 'object') return JSON.stringify(inner);
    const keys = Object.keys(inner);
    keys.forEach((_, at) => {
      const other = random.below(at + 1);
      [keys[at], keys[other]] = [keys[other], keys[at]];
    });
    return `{${keys.map((key) => space() + string(key) + space() + ':' + space() + write(inner[key]) + space()).join(',')}}`;
  };
  return space() + write(value) + space();
}

function documents() {
  const random = new Random(7493);
  return Array.from({ length: DOCUMENTS }, () => {
    const value = { content: randomValue(random, 4), more: randomValue(random, 3) };
    return { text: oddly(value, random), canonical: canonical(value) };
  });
}

function main() {
  const [option, kind, index] = process.argv.slice(2);
  if (option === '--chunk') {
    const wanted = [...chunks(kind)][Number(index)];
    process.stdout.write(`${wanted.join('\n')}\n`);
    return;
  }
  const hash = (texts) => createHash('sha256').update(texts.join('\n')).digest('hex');
  const oracle = {
    doubles: Array.from(chunks('doubles'), hash),
    values: Array.from(chunks('values'), hash),
    documents: documents(),
  };
  writeFileSync(join(__dirname, 'jcs_oracle.json'), `${JSON.stringify(oracle, null, 1)}\n`);
}

main();
