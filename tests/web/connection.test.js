// What happens when the server goes away, and who may reach it at all.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { Server, User, meet, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld();

/** Chromium logs every connection that fails, whatever the page does about it. */
const FAILED_CONNECTION = /^console: (WebSocket connection to|Failed to load resource)/;

async function restart(whileAway) {
  const { port } = world.server;
  await world.server.stop('SIGKILL');
  await whileAway();
  world.server = await Server.start({ port });
}

test('a chat that is lost with the server ends clearly, and what was typed stays', async () => {
  const [a, b] = await world.pair('losing');
  await a.say('before');
  await b.sees('before');
  await a.$('#composer').fill('typed but not sent');
  await restart(async () => {
    for (const user of [a, b]) await user.$('#gone', { hasText: /^Reconnecting… \d+\ss/ }).waitFor();
    assert.ok(await a.$('#chat-view:not(.ended)').isVisible(), 'it may be the network');
  });
  await a.hasEnded();
  await b.hasEnded();
  await a.sees('The connection was lost, and the chat with it.');
  assert.equal(await a.$('#composer').inputValue(), 'typed but not sent');
  await a.connected();
  await b.connected();
  await a.sees('before');
  await a.page.keyboard.press('Escape');
  await b.page.keyboard.press('Escape');
  await a.isChatting();
  assert.equal(await a.$('#composer').inputValue(), 'typed but not sent');
  await a.$('#composer').press('Enter');
  await b.sees('typed but not sent');
  world.expectProblems(FAILED_CONNECTION);
});

test('a search goes on by itself when the server is back', async () => {
  const a = await world.user();
  const b = await world.user();
  await a.search('coming back');
  await restart(() => waitFor(async () => /Connection lost/.test(await a.$('#banner').textContent()), 'the banner'));
  await b.search('coming back');
  await a.isChatting();
  await b.isChatting();
  world.expectProblems(FAILED_CONNECTION);
});

test('who starts while the server is away is served when it is back', async () => {
  const a = await world.user();
  const b = await world.user();
  await restart(async () => {
    await waitFor(async () => /Connection lost/.test(await a.$('#banner').textContent()), 'the banner');
    for (const user of [a, b]) {
      await user.like('early');
      await user.$('#start-button').click();
      assert.equal(await user.$('#start-button').textContent(), 'Connecting…');
      assert.ok(await user.$('#search-view').isHidden(), 'no search without a connection');
    }
  });
  await a.isChatting();
  await b.isChatting();
  world.expectProblems(FAILED_CONNECTION);
});

test('who is reported too often is told so, and not kept waiting for nobody', async () => {
  const a = await world.user();
  const b = await world.user();
  let socket = null;
  let connections = 0;
  await b.page.routeWebSocket(/textchat/, route => {
    socket = route;
    connections++;
    route.connectToServer();
  });
  await b.page.reload();
  await meet(a, b, 'misbehaving');
  await socket.close({ code: 4003 }); // all of us have one address here, and nobody can report himself
  await b.hasEnded();
  assert.match(await b.$('#banner').textContent(), /^Several people reported you/);
  await b.page.keyboard.press('Escape');
  await b.$('#start-view').waitFor();
  assert.match(await b.$('#start-error').textContent(), /^Several people reported you/);
  await sleep(1500);
  assert.equal(connections, 1, 'no further connection is tried');
});

test('a server that is full says so by refusing, and is asked again', async () => {
  const full = await Server.start({ flags: ['--max-connections', 1] });
  const other = { ...world, server: full };
  const a = await User.open(other);
  const b = await other.browser.newContext();
  const page = await b.newPage();
  await page.goto(full.url);
  const banner = page.locator('#banner');
  await waitFor(async () => await banner.textContent() === 'The server is full, or too many windows are open on your network. Trying again…', 'the refusal');
  await a.context.close();
  await waitFor(async () => await banner.textContent() === '', 'the place that has become free');
  await b.close();
  await full.stop();
});

/** As a balancer does it: new connections go to `target`, a port, whatever it is by then; the others stay where they are. */
async function balancer(target) {
  const each = new Set();
  const made = { target, port: 0, url: '' };
  const listener = createTcpServer(client => {
    const server = connect(made.target, '127.0.0.1');
    for (const [from, to] of [[client, server], [server, client]]) {
      each.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => each.delete(from));
      from.pipe(to);
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  made.port = listener.address().port;
  made.url = `http://127.0.0.1:${made.port}`;
  made.close = () => {
    listener.close();
    for (const socket of each) socket.destroy();
  };
  return made;
}

test('a server that lets chats end disturbs none; who waits searches on at another, by itself', async () => {
  const former = await Server.start({ flags: ['--drain-time', '10m'] });
  const next = await Server.start();
  const both = await balancer(former.port);
  const open = async () => {
    const user = await User.open({ browser: world.browser, problems: world.problems, server: both });
    world.users.push(user);
    return user;
  };
  const [a, b, waits] = [await open(), await open(), await open()];
  await meet(a, b, 'staying');
  await waits.search('going on');
  await waitFor(async () => (await (await fetch(`${former.url}/stats`)).json()).searching === 1, 'the search');

  both.target = next.port;
  former.process.kill('SIGTERM');
  await waitFor(async () => /^chatterbox_closes_total\{code="1012"\} 1$/m.test(await (await fetch(`${former.url}/metrics`)).text()), 'who waits to be sent away');
  const finds = await open();
  await finds.search('going on');
  await finds.isChatting();
  await waits.isChatting();
  await waits.say('found');
  await finds.sees('found');

  await a.say('undisturbed');
  await b.sees('undisturbed');
  await b.say('so am I');
  await a.sees('so am I');
  for (const user of [a, b]) {
    assert.equal(await user.$('#banner').textContent(), '');
    assert.ok(await user.$('#gone').isHidden());
  }
  assert.equal((await (await fetch(`${former.url}/stats`)).json()).chatting, 2, 'they are where they were');

  await a.leave();
  await b.hasEnded();
  assert.equal(await former.ended, 0, former.log);
  for (const user of [a, b]) {
    await user.connected();
    await user.page.keyboard.press('Escape');
  }
  await a.isChatting();
  await b.isChatting();
  for (const user of world.users.splice(0)) await user.context.close();
  both.close();
  await next.stop();
});

/** Serves a page that tries to open our socket and writes into its title what came of it. */
async function otherSite(target) {
  const site = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>trying</title><script>
      const socket = new WebSocket(${JSON.stringify(target)});
      socket.onopen = () => { document.title = 'open'; };
      socket.onerror = () => { document.title = 'refused'; };
    </script>`);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return { url: `http://127.0.0.1:${site.address().port}/`, close: () => site.close() };
}

test('a page of another origin cannot open the socket, unless it is allowed to', async () => {
  const context = await world.browser.newContext();
  const result = async (url) => {
    const page = await context.newPage();
    await page.goto(url);
    await waitFor(async () => await page.title() !== 'trying', 'an outcome');
    return page.title();
  };
  const site = await otherSite(`ws://127.0.0.1:${world.server.port}/ws/textchat/`);
  assert.equal(await result(site.url), 'refused');

  const open = await Server.start({ flags: ['--allowed-origins', '*'] });
  const allowed = await otherSite(`ws://127.0.0.1:${open.port}/ws/textchat/`);
  assert.equal(await result(allowed.url), 'open');
  await context.close();
  await open.stop();
  site.close();
  allowed.close();
});

test('the page cannot be framed', async () => {
  const frame = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><iframe src="${world.server.url}/"></iframe>`);
  });
  frame.listen(0, '127.0.0.1');
  await once(frame, 'listening');
  const context = await world.browser.newContext();
  const page = await context.newPage();
  const refusal = page.waitForEvent('console', message => /frame-ancestors/.test(message.text()));
  await page.goto(`http://127.0.0.1:${frame.address().port}/`);
  await refusal;
  await context.close();
  frame.close();
});
