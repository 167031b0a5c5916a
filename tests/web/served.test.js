// What visitors get of src/web: the same page without its comments, small, there soon, and with words for what cannot run it.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { parse } from 'acorn';
import { useWorld, waitFor } from './harness.js';

const world = useWorld();

const SOURCES = new URL('../../src/web/', import.meta.url);
const MOST_BYTES = 60000; // of a first visit, before compression; 75,000 was the promise
const MOST_BYTES_WITH_A_CHAT = 92000;
const SLOW = { offline: false, latency: 150, downloadThroughput: 200000, uploadThroughput: 200000 }; // 150 ms, 1.6 Mbit/s
const LINE_MS = 500; // of the second; the rest is a phone's
const AT_A_TIME = 6; // a browser's connections to one server

const named = async ending => (await readdir(SOURCES)).filter(name => name.endsWith(ending));
const source = name => readFile(new URL(name, SOURCES), 'utf8');
const served = async name => Buffer.from(await (await fetch(`${world.server.url}/${name}`)).arrayBuffer());

/** What the text means, wherever its words stand. */
const parsed = (text, ecmaVersion = 'latest') => parse(text, { ecmaVersion, sourceType: ecmaVersion === 5 ? 'script' : 'module' }).body;
const meaning = statements => JSON.stringify(statements,
  (key, value) => key === 'start' || key === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value);

/** The modules that app.js as served consists of, each after what it imports: those that it imports, and that these import. */
async function joined() {
  const names = new Set();
  const add = async name => {
    const imports = parsed(await source(name)).filter(({ type }) => type === 'ImportDeclaration').map(({ source: { value } }) => value.slice(2));
    for (const each of imports) await add(each);
    names.add(name);
  };
  await add('app.js');
  return [...names];
}

/** Declarations, and the names under which others know them, without the words that make them so. */
function opened(statements) {
  const exported = statements.filter(({ type, declaration }) => type === 'ExportNamedDeclaration' && declaration).map(({ declaration }) => declaration);
  return {
    body: statements.filter(({ type }) => type !== 'ImportDeclaration').map(statement => statement.declaration ?? statement),
    names: exported.map(declaration => (declaration.id ?? declaration.declarations[0].id).name),
  };
}

test('of a script, visitors get every token and no comment of its own', async () => {
  const parts = await joined();
  const names = (await named('.js')).filter(name => !parts.includes(name));
  assert.ok(names.length > 10 && parts.length > 10);
  for (const name of names) {
    const [ours, theirs] = [await source(name), String(await served(name))];
    const version = name === 'boot.js' ? 5 : 'latest'; // a browser that is too old has to be able to read why
    const inOneFile = text => parts.reduce((so, part) => so.replaceAll(`from './${part}'`, "from './app.js'"), text);
    assert.equal(meaning(parsed(theirs, version)), meaning(parsed(inOneFile(ours), version)), name);
    assert.doesNotMatch(theirs, /^\s*\/[/*]|\n\n/m, name);
  }
});

test('what a first visit runs is one file: every token of its modules, each after what it imports', async () => {
  const theirs = String(await served('app.js'));
  const statements = parsed(theirs);
  const { specifiers } = statements.pop();
  const left = new Map(statements.map(meaning).entries());
  const places = [...left.values()];
  const exports = [];
  const ends = new Map(); // where each module is over
  for (const name of await joined()) {
    const module = parsed(await source(name));
    const { body, names } = opened(module);
    exports.push(...names);
    const first = places.indexOf(meaning(body[0]));
    assert.deepEqual(places.slice(first, first + body.length), body.map(meaning), name);
    for (let i = first; i < first + body.length; i++) left.delete(i);
    for (const { source: from } of module.filter(({ type }) => type === 'ImportDeclaration')) {
      assert.ok(ends.get(from.value.slice(2)) <= first, `${from.value} stands before ${name}`);
    }
    ends.set(name, first + body.length);
    if (name !== 'app.js') assert.equal((await fetch(`${world.server.url}/${name}`)).status, 404, name);
  }
  assert.equal(left.size, 0, 'and nothing else');
  assert.deepEqual(specifiers.map(({ local }) => local.name).sort(), exports.sort());
  assert.doesNotMatch(theirs, /^\s*\/[/*]|\n\n/m);
});

test('of the styles and the page, they get every rule and every element', async () => {
  const page = await (await world.browser.newContext()).newPage();
  for (const name of await named('.css')) {
    const rules = await page.evaluate(async texts => Promise.all(texts.map(async text => {
      const sheet = await new CSSStyleSheet().replace(text);
      return [...sheet.cssRules].map(rule => rule.cssText);
    })), [await source(name), String(await served(name))]);
    assert.ok(rules[0].length > 10, name);
    assert.deepEqual(rules[1], rules[0], name);
  }
  for (const name of ['index.html', 'favicon.svg', 'app.webmanifest']) {
    const words = text => text.split(/\s+/).join(' ').trim();
    assert.equal(words(String(await served(name))), words(await source(name)), name);
  }
  await page.context().close();
});

/** A page of its own, and what it fetches. */
async function visit(prepare = async () => {}) {
  const context = await world.browser.newContext();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  const bytes = new Map(); // by request
  const names = new Map();
  devtools.on('Network.requestWillBeSent', ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname));
  devtools.on('Network.dataReceived', ({ requestId, dataLength }) => bytes.set(requestId, (bytes.get(requestId) ?? 0) + dataLength));
  await prepare(devtools, page);
  await page.goto(world.server.url, { waitUntil: 'commit' });
  return { page, devtools, fetched: () => new Map([...names].map(([id, name]) => [name, bytes.get(id) ?? 0])), close: () => context.close() };
}

/** Of files, and not of what is asked about the server. */
const total = sizes => [...sizes].reduce((sum, [name, size]) => sum + (['/stats', '/config'].includes(name) ? 0 : size), 0);

test('a first visit is small, and what few need comes when it is needed', async t => {
  const { page, fetched, close } = await visit();
  await page.locator('#start-button', { hasText: 'Start' }).waitFor();
  await page.waitForLoadState('networkidle');
  const first = fetched();
  assert.ok(first.get('/') > 5000 && first.get('/app.js') > 5000, 'it was measured');
  assert.ok(total(first) < MOST_BYTES, `${total(first)} bytes`);
  for (const name of ['/chat.js', '/call.js', '/first-word.js', '/transcript.js']) assert.ok(!first.has(name), name);

  const other = await world.user();
  await page.locator('#anyone-start').click();
  await other.$('#anyone-start').click();
  await page.locator('.question').waitFor();
  await other.say('hello');
  await page.locator('#composer').fill('hello');
  await page.locator('#composer').press('Enter');
  await page.locator('.mine').waitFor();
  const withChat = fetched();
  assert.ok(withChat.has('/chat.js') && withChat.has('/first-word.js'));
  assert.ok(total(withChat) < MOST_BYTES_WITH_A_CHAT, `${total(withChat)} bytes`);
  for (const name of ['/call.js', '/transcript.js']) assert.ok(!withChat.has(name), name);

  const files = [...await named('.js'), ...await named('.css'), 'index.html', 'favicon.svg', 'icon.png', 'app.webmanifest'];
  const all = (await Promise.all(files.map(async name => (await served(name)).length))).reduce((sum, size) => sum + size);
  t.diagnostic(`first visit: ${total(first)} bytes in ${first.size} requests; to the first text: ${total(withChat)}; everything: ${all}`);
  await close();
});

/** When the page is there, in ms: with ideas to choose from, so all that its first view needs has run. And what it asked for until then. */
async function timeToUse(line) {
  const asked = new Map();
  const { page, close } = await visit(async (devtools, page) => {
    if (line) await devtools.send('Network.emulateNetworkConditions', line);
    devtools.on('Network.requestWillBeSent', ({ requestId, request, initiator, type }) => asked.set(requestId,
      { path: new URL(request.url).pathname, waitsForAnother: ['Script', 'Stylesheet', 'Fetch'].includes(type) && initiator.type !== 'parser', bytes: 0 }));
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { asked.get(requestId).bytes = encodedDataLength; });
    await page.addInitScript(() => new MutationObserver(() => {
      if (document.querySelector('#ideas button')) window.usableMs ??= performance.now();
    }).observe(document, { childList: true, subtree: true }));
  });
  await page.waitForFunction(() => window.usableMs);
  await page.waitForLoadState('networkidle');
  const usableMs = Math.round(await page.evaluate(() => window.usableMs));
  await close();
  return { usableMs, files: [...asked.values()].filter(({ path }) => !['/stats', '/config'].includes(path)) };
}

/** What the line takes is the page's doing, and is reckoned; what the machine takes depends on what else runs there, and is only told. */
test('over a slow line, a first visit can be used within a second', async t => {
  const { usableMs, files } = await timeToUse(SLOW);
  assert.deepEqual(files.filter(({ waitsForAnother }) => waitsForAnother), [], 'what it needs is named in the page, and waits for nothing else');
  assert.ok(files.some(({ path, bytes }) => path === '/app.js' && bytes > 5000), 'it was measured');
  assert.ok(files.length - 1 <= AT_A_TIME, `all of it comes at the same time: ${files.map(({ path }) => path)}`);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const lineMs = Math.round(2 * SLOW.latency + bytes / SLOW.downloadThroughput * 1000);
  const { usableMs: fastMs } = await timeToUse();
  t.diagnostic(`of the line ${lineMs} ms: two ways there and back, and ${bytes} bytes; usable after ${usableMs} ms, without the line after ${fastMs} ms`);
  assert.ok(lineMs < LINE_MS, `${lineMs} ms, ${bytes} bytes`);
});

/** A visit with a browser that is not what it seems; what the page says of it. */
async function saysOf(lack) {
  const { page, fetched, close } = await visit((_, page) => page.addInitScript(lack));
  const banner = page.locator('#banner:not(:empty)');
  const words = await banner.textContent();
  assert.ok(await page.locator('#start-form').isHidden());
  assert.ok(!fetched().has('/stats'), 'nothing was begun');
  assert.equal(await page.locator('script[nomodule]').getAttribute('src'), 'boot.js');
  await close();
  return words;
}

/** A proxy that has the server live below /chat/, and nothing anywhere else. */
async function belowAPath(server) {
  const strays = [];
  const inside = path => /^\/chat(\/.*)$/.exec(path)?.[1];
  const proxy = http.createServer((request, response) => {
    const path = inside(request.url);
    if (!path) {
      strays.push(request.url);
      response.writeHead(404).end();
      return;
    }
    http.get({ port: server.port, path, headers: request.headers }, answer => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
  });
  proxy.on('upgrade', (request, socket) => {
    const path = inside(request.url) ?? strays.push(request.url);
    const way = net.connect(server.port, '127.0.0.1', () => {
      const headers = request.rawHeaders.map((text, i) => text + (i % 2 ? '\r\n' : ': ')).join('');
      way.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`);
      way.pipe(socket).pipe(way);
    });
    for (const end of [way, socket]) end.on('error', () => {});
  });
  await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve));
  return { proxy, strays, url: `http://127.0.0.1:${proxy.address().port}/chat/` };
}

test('the page may live below a path', async () => {
  const { proxy, strays, url } = await belowAPath(world.server);
  const pages = await Promise.all([0, 1].map(async () => (await world.browser.newContext()).newPage()));
  for (const page of pages) {
    await page.goto(url);
    await page.locator('#start-button', { hasNotText: 'Connecting…' }).waitFor();
    await page.locator('#anyone-start').click();
  }
  for (const page of pages) await page.locator('#chat-view:not([hidden])').waitFor();
  assert.deepEqual(strays, []);
  for (const page of pages) await page.context().close();
  proxy.closeAllConnections();
  proxy.close();
});

test('a browser that is too old is told what it lacks', async () => {
  assert.equal(await saysOf('delete Intl.ListFormat; delete window.ResizeObserver'),
    'This browser is too old for the chat (it lacks Intl.ListFormat, ResizeObserver).');
  assert.equal(await saysOf('delete HTMLScriptElement.prototype.noModule'), 'This browser is too old for the chat (it lacks modules).');
});

test('a page that did not load whole says so, and what is fetched later is fetched again', async () => {
  const { page, close } = await visit((_, page) => page.route('**/app.js', route => route.abort()));
  await page.locator('#banner', { hasText: 'The page did not load whole. Please reload it.' }).waitFor();
  await close();

  const user = await world.user();
  await user.page.route(/\/(chat|call)\.js$/, route => route.abort());
  await user.$('#anyone-start').click();
  await user.$('#start-error', { hasText: 'The page did not load whole. Try again, or reload it.' }).waitFor();
  assert.equal(await user.$('#start-error').textContent(), 'The page did not load whole. Try again, or reload it.');
  const other = await world.user();
  for (const each of [user, other]) await each.$('#anyone-start').click();
  await user.isChatting();
  await user.$('#camera-button').click();
  await user.sees('Video could not be loaded. Please try again.');
  await user.$('#camera-button').click();
  await other.$('#call-accept').waitFor();
  world.expectProblems(/Failed to load resource/);
});
