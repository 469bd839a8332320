'use strict';

// Events built by the federation specification alone: ids, hashes, signed bytes, signatures.

const { createHash, createPrivateKey, createPublicKey, sign } = require('node:crypto');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { canonical } = require('./jcs.js');

const digest = (text) => createHash('sha256').update(text).digest();
const hashText = (text) => `sha256:${digest(text).toString('hex')}`;

// The leading bits of a hash, put around the version and variant of a UUID.
function uuid(version, bits) {
  const [first, middle, last] = [bits.slice(0, 48), bits.slice(48, 60), bits.slice(60, 122)];
  const all = first + version.toString(2).padStart(4, '0') + middle + '10' + last;
  const hex = BigInt(`0b${all}`).toString(16).padStart(32, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const bitsOf = (text) => [...digest(text)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
const uuid8 = (text) => uuid(8, bitsOf(text));
const uuid7 = (ts, text) => uuid(7, ts.toString(2).padStart(48, '0') + bitsOf(text).slice(0, 74));

function keyFrom(seed) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    seed: seed.toString('hex'),
    public_key: `ed25519:${raw.toString('base64')}`,
    key_id: `ed25519:${createHash('sha256').update(raw).digest('hex').slice(0, 16)}`,
    pem: key.export({ format: 'pem', type: 'pkcs8' }),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64url'),
  };
}

function event(key, fields, content, saltByte) {
  const salt = Buffer.alloc(16, saltByte).toString('base64url');
  const content_hash = hashText(canonical({ content, salt }));
  const { room_id, origin, epoch, seq, prev, ts } = fields;
  const event_id = uuid7(ts, `scaiwave-id-v1\n${canonical([room_id, origin, epoch, seq, prev, content_hash])}`);
  const signed = { v: 'v1', event_id, ...fields, content_hash, key_id: key.key_id };
  const signed_bytes = `scaiwave-event-v1\n${canonical(signed)}`;
  return {
    event: { ...signed, content, salt, signature: key.sign(signed_bytes) },
    signed_bytes,
    hash: hashText(signed_bytes),
  };
}

function log(key) {
  const origin = 'a.example';
  const nonce = 'MTIzNDU2Nzg5MDEyMzQ1Ng';
  const room_id = uuid8(`scaiwave-room-v1\n${origin}\n${nonce}`);
  const sender = '@alice:a.example';
  const base = { room_id, origin, epoch: 1, sender };
  const ts = 1780000000123;
  const create = event(key, { ...base, seq: 1, prev: null, type: 'swp.room.create', ts, state_seq: 0, state_hash: null }, { nonce }, 1);
  const message = event(
    key,
    { ...base, seq: 2, prev: create.hash, type: 'swp.room.message', ts, state_seq: 1, state_hash: create.hash },
    { msgtype: 'swp.text', body: 'Zwölf Boxkämpfer 🥊\n"…"', number: 4.5, big: 9007199254740991, '\ufb33': 1, '\ud83d\ude00': 2 },
    2,
  );
  const automatic = event(
    key,
    { ...base, seq: 3, prev: message.hash, sender: null, type: 'swp.room.seen', ts: ts + 1, state_seq: 1, state_hash: create.hash },
    { seen: {} },
    255,
  );
  return [create, message, automatic];
}

function main() {
  const key = keyFrom(Buffer.alloc(32, 7));
  const document = { server_name: 'a.example', protocol_versions: ['v1'] };
  const signature = key.sign(`scaiwave-descriptor-v1\n${canonical(document)}`);
  const { sign: _, ...shown } = key;
  const vectors = {
    key: shown,
    participant: { fqid: '@alice:a.example', participant_id: uuid8('scaiwave-participant-v1\n@alice:a.example') },
    room: { host: 'a.example', nonce: 'MTIzNDU2Nzg5MDEyMzQ1Ng' },
    descriptor: { ...document, signature },
    log: log(key),
  };
  writeFileSync(join(__dirname, 'events.json'), `${JSON.stringify(vectors, null, 1)}\n`);
}

main();
