// A page that is left, frozen, kept for Back, or cut off from the server without being told.

import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { FreezablePage } from './freezer.js';
import { Script, Server, User, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld({ keepsPages: true, flags: ['--ping-interval', '2s', '--ping-timeout', '2s'] });
const stats = async () => (await fetch(`${world.server.url}/stats`)).json();

/** From another page of the site, so that Back leads to it. */
async function arrive() {
  const user = await world.user();
  await user.page.goto(`${world.server.url}/healthz`);
  await user.page.goto(world.server.url);
  await user.connected();
  world.expectProblems(/404/); // /healthz has no icon
  return user;
}

async function go(user, steps) {
  const devtools = await user.context.newCDPSession(user.page);
  const { currentIndex, entries } = await devtools.send('Page.getNavigationHistory');
  await devtools.send('Page.navigateToHistoryEntry', { entryId: entries[currentIndex + steps].id });
}

/** A way to the server that can be cut so that neither side is told. */
async function swallowing() {
  let isCut = false;
  const way = createServer(client => {
    const server = connect(world.server.port, '127.0.0.1');
    client.on('data', data => isCut || server.write(data));
    server.on('data', data => isCut || client.write(data));
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('error', () => {});
      one.on('close', () => isCut || other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(way, 'listening');
  const { port } = way.address();
  return { world: { ...world, server: { url: `http://127.0.0.1:${port}`, port } }, cut: () => { isCut = true; }, close: () => way.close() };
}

test('Back out of a search leaves nobody behind', async () => {
  const user = await arrive();
  await user.search('ghosts');
  await waitFor(async () => (await stats()).searching === 1, 'the search');
  await go(user, -1);
  await waitFor(async () => (await stats()).online === 0, 'nobody to be online', 10000);
  const other = await world.user();
  await other.search('ghosts');
  await sleep(500);
  assert.ok(await other.$('#search-view').isVisible(), 'the page that is kept is not matched');
  await go(user, 1);
  await other.isChatting();
  await user.isChatting();
  world.expectProblems(/404/); // back there, once more
});

test('who leaves the page in a chat is asked, and the stranger is told at once', async () => {
  const a = await arrive();
  const script = await Script.open(world, 'leaving the page');
  await a.search('leaving the page');
  await a.isChatting();
  await a.$('#composer').fill('a draft'); // the browser asks only for a page that was used
  await go(a, -1);
  await waitFor(async () => await a.$('#leave-hint').textContent() === 'Press Back again to leave', 'the question');
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible());
  await go(a, -1);
  await a.hasEnded();
  await script.hears('partner_left_chat');
  assert.ok(await a.$('#chat-view').isVisible(), 'the page stays');
});

test('where nobody may come back, a reload in a chat is asked about, and one that happens ends it for both', async () => {
  const server = await Server.start({ flags: ['--resume-time', '0'] });
  const other = { ...world, server };
  const a = await User.open(other);
  const script = await Script.open(other, 'reloading');
  await a.search('reloading');
  await a.isChatting();
  await a.$('#composer').fill('a draft');
  await a.page.reload();
  assert.equal(a.questions, 1);
  await script.hears('partner_left_chat');
  await a.connected();
  await a.page.reload();
  assert.equal(a.questions, 1, 'out of a chat nothing is asked');
  await a.connected();
  await a.context.close();
  await server.stop();
  world.expectProblems(/^socket to/);
});

test('a frozen page is not matched, and searches again when it wakes', async () => {
  const page = await FreezablePage.open(world.server.url);
  world.users.push({ context: page }); // closed, however this ends
  await waitFor(() => page.evaluate("document.getElementById('start-button').textContent.startsWith('Start')"), 'the connection');
  await page.evaluate(`document.getElementById('interest-input').value = 'freezing';
    document.getElementById('start-form').requestSubmit();`);
  await waitFor(async () => (await stats()).searching === 1, 'the search');
  await page.freeze(true);
  const other = await Script.open(world, 'freezing');
  await sleep(1000);
  assert.deepEqual(await other.heard('success_matched'), []);
  await page.freeze(false);
  await waitFor(() => page.evaluate("document.querySelector('#chat-view').checkVisibility()"), 'the match');
  await other.hears('success_matched');
});

test('a search over a connection that died unseen stops', async () => {
  const way = await swallowing();
  const user = await User.open(way.world);
  await user.search('dying in a search');
  await sleep(500);
  way.cut();
  await user.page.evaluate(() => dispatchEvent(new Event('online')));
  await user.$('#start-view').waitFor({ timeout: 12000 });
  assert.equal(await user.$('#start-button').textContent(), 'Connecting…');
  await user.context.close();
  way.close();
  world.expectProblems(/^console: |^socket to/);
});

test('what was written just before the server died does not stand there as sent', async () => {
  const [a] = await world.pair('dying together');
  const { port } = world.server;
  world.server.process.kill('SIGSTOP'); // it takes nothing any more
  await a.page.evaluate(() => {
    const field = document.getElementById('composer');
    field.value = 'hello?';
    field.dispatchEvent(new Event('input'));
    document.getElementById('composer-form').requestSubmit();
  });
  await world.server.stop('SIGKILL');
  await a.$('#gone:not([hidden])').waitFor();
  assert.equal(await a.$('.mine.waiting').count(), 1);
  world.server = await Server.start({ port });
  await a.hasEnded();
  assert.equal(await a.$('.mine').count(), 1);
  assert.equal(await a.$('.mine .mark').textContent(), 'Not delivered');
  world.expectProblems(/^console: /);
});

test('two windows of one person are told that they have met each other', async () => {
  const a = await world.user();
  const other = await a.context.newPage();
  await other.goto(world.server.url);
  await a.search('myself');
  await other.locator('#start-button', { hasText: 'Start' }).waitFor();
  await other.locator('#interest-input').fill('myself');
  await other.locator('#interest-input').press('Enter');
  await other.locator('#start-button').click();
  await a.sees('You have met yourself: this chat is with your other window.');
  await other.getByText('You have met yourself').waitFor();
});

test('a chat that was taken over by another window is not fought for', async () => {
  const user = await world.user();
  let connections = 0;
  let socket = null;
  await user.page.routeWebSocket(/textchat/, route => {
    connections++;
    socket = route;
    route.connectToServer();
  });
  await user.page.reload();
  await user.connected();
  await socket.close({ code: 4002 });
  await user.$('#bring-here').waitFor();
  assert.equal(await user.$('#banner').textContent(), 'This chat is open in another window.');
  await sleep(1500);
  assert.equal(connections, 1);
  await user.$('#bring-here').click();
  await user.connected();
  assert.ok(await user.$('#bring-here').isHidden());
});
