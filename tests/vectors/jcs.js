'use strict';

// Canonical JSON by RFC 8785: JavaScript's own number and string forms, keys sorted by UTF-16 code units, which is how
// JavaScript compares strings.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(',')}}`;
}

module.exports = { canonical };
