// The page over https and wss of the server's own, from another name than localhost, which is no secure context without: a video call, and no proxy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, state } from './calls.js';
import { useWorld } from './harness.js';

const HOST = 'chat.example';
const folder = mkdtempSync(join(tmpdir(), 'chatterbox-secure-'));
const [certificate, key] = ['certificate.pem', 'key.pem'].map(name => join(folder, name));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', `/CN=${HOST}`,
  '-addext', `subjectAltName=DNS:${HOST}`, '-out', certificate, '-keyout', key], { stdio: 'ignore' });
after(() => rmSync(folder, { recursive: true }));

// This certificate is believed, and no other.
const known = createHash('sha256').update(new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
const world = useWorld({
  flags: ['--tls-certificate', certificate, '--tls-key', key], secureHost: HOST,
  args: [`--host-resolver-rules=MAP ${HOST} 127.0.0.1`, `--ignore-certificate-errors-spki-list=${known}`],
});

test('a video call over wss', async () => {
  const [a, b] = await world.pair();
  for (const user of [a, b]) {
    assert.deepEqual(await user.page.evaluate(() => [location.protocol, location.hostname, isSecureContext]), ['https:', HOST, true]);
  }
  await a.say('by wss');
  await b.sees('by wss');
  await call(a, b);
  await a.$('#hangup-button').click();
  await b.sees('The call ended.');
  assert.ok(!(await state(b, '#local-video')).has);
});
